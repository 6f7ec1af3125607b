(() => {
  "use strict";
  const query = new URLSearchParams(location.search);
  const assignment = query.get("assignmentId") || "";
  const form = document.forms[0];
  const button = form.querySelector("button");
  const items = [...form.querySelectorAll(".item")];
  const radios = item => [...item.querySelectorAll("[type=radio]")];
  const comment = item => item.querySelector("textarea");
  const hidden = (item, name) => item.querySelector(`[name$="-${name}"][type=hidden]`);
  const chosen = item => radios(item).find(radio => radio.checked)?.value;
  const unclear = item => chosen(item) === "cannot_tell";
  const answered = item => !!chosen(item);
  let current = items[0], since = performance.now(), pointer = false, sent = false;

  function fnv1a(text) {
    let value = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
    return value;
  }

  function arrange(item, index) {
    const [a, b] = item.querySelectorAll(".choice");
    if ((fnv1a(assignment) + index + 1) % 2) {
      a.before(b);
      item.querySelectorAll("kbd").forEach((key, place) => { key.textContent = place + 1; });
    }
    hidden(item, "order").value = radios(item).slice(0, 4).map(radio => radio.value).join();
  }

  function enlarge(image) {
    const side = Math.max(image.naturalWidth, image.naturalHeight);
    if (side < 1 || side > 128) return;
    image.classList.add("small");
    image.width = image.naturalWidth * Math.floor(280 / side);
  }

  function update() {
    const count = items.filter(answered).length;
    items.forEach(item => {
      item.classList.toggle("done", answered(item));
      item.classList.toggle("current", item === current);
      comment(item).parentNode.hidden = !unclear(item);
    });
    const text = `${count} of ${items.length} answered`;
    const progress = document.getElementById("progress");
    if (progress.textContent !== text) progress.textContent = text;
    button.disabled = count < items.length;
  }

  function show(item) {
    const box = item.getBoundingClientRect();
    current = item;
    radios(item)[0].focus({ preventScroll: true });
    if (box.top < 0 || box.bottom > innerHeight - 80) {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      item.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    }
  }

  function spend(item) {
    const now = performance.now(), field = hidden(item, "ms");
    field.value = Math.round(Number(field.value) + now - since);
    since = now;
  }

  function choose(item, goOn) {
    spend(item);
    current = item;
    update();
    if (!goOn) return;
    if (unclear(item)) comment(item).focus();
    else leave(item);
  }

  function leave(item) {
    const place = items.indexOf(item);
    const next = [...items.slice(place + 1), ...items.slice(0, place)].find(other => !answered(other));
    if (next) show(next);
    else button.focus();
    update();
  }

  function onKeyInComment(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (event.repeat) return;
    spend(current);
    if (button.disabled) leave(current);
    else form.requestSubmit(button);
  }

  function onKey(event) {
    const target = event.target;
    pointer = false;
    if (event.isComposing) return;
    if (target.tagName === "TEXTAREA") return onKeyInComment(event);
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" && target.tagName !== "BUTTON" && target.tagName !== "AUDIO") {
      event.preventDefault();
      if (!button.disabled && !event.repeat) form.requestSubmit(button);
    }
    const digit = /^[0-5]$/.test(event.key) ? event.key : /^Digit([0-5])$/.exec(event.code)?.[1];
    const sound = event.key.toLowerCase() === "p" && current.querySelector("audio");
    if (digit || sound) event.preventDefault();
    if (event.repeat) return;
    if (sound) sound.paused ? sound.play() : sound.pause();
    if (!digit) return;
    const radio = radios(current)[(digit === "0" ? 5 : digit) - 1];
    radio.checked = true;
    choose(current, true);
  }

  function onSubmit(event) {
    if (sent || button.disabled) return event.preventDefault();
    sent = true;
    items.forEach(item => { if (!unclear(item)) comment(item).value = ""; });
    button.textContent = "Sending…";
    setTimeout(again, 20000);
  }

  function again() {
    sent = false;
    button.textContent = "Submit";
  }

  function destination() {
    const url = new URL((query.get("turkSubmitTo") || "").replace(/\/*$/, "/mturk/externalSubmit"), document.baseURI);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError(url.protocol);
    return url.href;
  }

  function banner(text) {
    const place = document.getElementById("banner");
    place.textContent = text;
    place.hidden = false;
  }

  document.querySelectorAll("img").forEach(image => {
    image.addEventListener("load", () => enlarge(image));
    enlarge(image);
  });
  document.addEventListener("play", event => {
    document.querySelectorAll("audio").forEach(other => { if (other !== event.target) other.pause(); });
  }, true);
  if (!assignment || assignment === "ASSIGNMENT_ID_NOT_AVAILABLE") {
    return banner("Preview: accept the HIT to answer");
  }
  try {
    form.action = destination();
  } catch {
    return banner("This page does not know where to send answers. Please return the HIT.");
  }
  form.elements.assignmentId.value = assignment;
  items.forEach((item, index) => {
    arrange(item, index);
    item.disabled = false;
    item.addEventListener("focusin", () => { current = item; update(); });
    item.addEventListener("change", event => { if (event.target.type === "radio") choose(item, pointer); });
    comment(item).addEventListener("input", () => { spend(item); update(); });
  });
  addEventListener("pointerdown", () => { pointer = true; }, true);
  addEventListener("keydown", onKey);
  addEventListener("pageshow", event => { if (event.persisted) again(); });
  form.addEventListener("submit", onSubmit);
  update();
  {# So that the first key already answers, without a click into the frame. #}
  window.focus();
})();
