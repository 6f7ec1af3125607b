// MTurk's questions all shared one origin and could keep things there. Ours have none: looking at localStorage or
// document.cookie throws, and a page that does so stops. It gets a memory that lasts as long as the page.
(() => {
  const memory = () => {
    const kept = new Map();
    const own = {
      get length() {
        return kept.size;
      },
      key: (at) => [...kept.keys()][at] ?? null,
      getItem: (name) => kept.get(String(name)) ?? null,
      setItem: (name, value) => void kept.set(String(name), String(value)),
      removeItem: (name) => void kept.delete(String(name)),
      clear: () => kept.clear(),
    };
    return new Proxy(own, {
      get: (_, name) => (name in own ? own[name] : kept.get(name)),
      set: (_, name, value) => Boolean(kept.set(String(name), String(value))),
      has: (_, name) => name in own || kept.has(name),
      deleteProperty: (_, name) => kept.delete(name) || true,
      ownKeys: () => [...kept.keys()],
      getOwnPropertyDescriptor: (_, name) =>
        kept.has(name) ? { value: kept.get(name), writable: true, enumerable: true, configurable: true } : undefined,
    });
  };
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      void window[name];
    } catch {
      Object.defineProperty(window, name, { value: memory(), configurable: true });
    }
  }
  try {
    void document.cookie;
  } catch {
    const jar = new Map();
    const put = (cookie) => {
      const [pair, ...rest] = String(cookie).split(";");
      const [name, ...value] = pair.split("=");
      const lives = Object.fromEntries(rest.map((part) => part.trim().split("=")).map(([key, of]) => [key.toLowerCase(), of]));
      const isOver = Number(lives["max-age"]) <= 0 || Date.parse(lives.expires) < Date.now();
      if (isOver) jar.delete(name.trim());
      else jar.set(name.trim(), value.join("=").trim());
    };
    const say = () => [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    Object.defineProperty(document, "cookie", { get: say, set: put, configurable: true });
  }
})();
