// A stand-in for AWS's script of this name, which old HITs load: the same elements and answers, written anew from their
// documentation. Answers: one field `taskAnswers` with a JSON array of one object; with answer-format="flatten-objects"
// one field for each value, named by its path (`category.label`), lists as JSON.
(() => {
  "use strict";
  if (customElements.get("crowd-form")) return;

  const parameters = new URLSearchParams(location.search);
  const assignmentId = parameters.get("assignmentId") || "";
  const isPreview = assignmentId === "" || assignmentId === "ASSIGNMENT_ID_NOT_AVAILABLE";
  const submitTo = `${(parameters.get("turkSubmitTo") || "").replace(/\/+$/, "")}/mturk/externalSubmit`;
  const NOT_HERE = [
    "entity-annotation", "instance-segmentation", "keypoint", "line", "polygon", "polyline",
    "question-answer-generation", "semantic-segmentation", "text-ranking",
  ].map((name) => `crowd-${name}`);

  const STYLE = `
crowd-form{display:block;font:1rem/1.5 system-ui,sans-serif;padding:.5rem}
crowd-input,crowd-text-area,crowd-slider,crowd-alert,crowd-card,crowd-toast,crowd-tabs,crowd-classifier,
crowd-image-classifier,crowd-classifier-multi-select,crowd-image-classifier-multi-select,crowd-bounding-box,
crowd-instructions,short-instructions,full-instructions,classification-target,short-summary,detailed-instructions,
positive-example,negative-example{display:block}
crowd-input,crowd-text-area,crowd-slider{margin:.5rem 0}
crowd-badge,iron-icon,[hidden]{display:none!important}
.crowd-field{display:block}.crowd-field>span{display:block}
.crowd-field input:not([type=range]),.crowd-field textarea{font:inherit;box-sizing:border-box;width:100%;padding:.4rem .5rem}
.crowd-field input[type=range]{width:calc(100% - 5rem);vertical-align:middle}
.crowd-choice{display:inline-flex;gap:.5rem;align-items:baseline;min-height:1.75rem}
.crowd-button{font:inherit;padding:.4rem 1rem;border:1px solid #767676;border-radius:.25rem;background:#fff;color:#111;
text-decoration:none;display:inline-block;cursor:pointer}
.crowd-button.crowd-primary{background:#0b5cad;border-color:#0b5cad;color:#fff}
.crowd-button.crowd-link{border-color:transparent;background:none;color:#0b5cad;text-decoration:underline}
.crowd-button:disabled{opacity:.55;cursor:not-allowed}
.crowd-widget{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}
.crowd-widget>aside{flex:1 1 14rem}.crowd-widget>div{flex:3 1 20rem;min-width:0}
.crowd-widget fieldset{border:1px solid #bbb;border-radius:.25rem;margin:.75rem 0;padding:.5rem 1rem}
.crowd-widget fieldset label{display:flex;gap:.5rem;padding:.25rem 0;cursor:pointer}
.crowd-widget img{max-width:100%;height:auto}.crowd-header{font-size:1.2rem;font-weight:600;margin:0 0 .5rem}
.crowd-note,crowd-alert{border:1px solid #888;border-left-width:.4rem;padding:.5rem .75rem;margin:.5rem 0;background:#f6f6f6;color:#111}
crowd-alert[type=error],.crowd-note.crowd-bad{border-color:#b00020}crowd-alert[type=warning]{border-color:#9a6700}
crowd-alert[type=success]{border-color:#1a7f37}
crowd-card{border:1px solid #ccc;border-radius:.25rem;padding:.75rem;box-sizing:border-box}
crowd-toast{position:fixed;left:1rem;bottom:1rem;background:#222;color:#fff;padding:.75rem 1rem;border-radius:.25rem}
.crowd-tabs{display:flex;gap:.25rem;border-bottom:1px solid #bbb}.crowd-tabs [aria-selected=true]{font-weight:600;border-bottom-color:#0b5cad}
positive-example::before{content:"Good example";font-weight:600}negative-example::before{content:"Bad example";font-weight:600}
.crowd-canvas{position:relative;display:inline-block;touch-action:none;cursor:crosshair}
.crowd-canvas img{display:block;user-select:none}.crowd-canvas svg{position:absolute;inset:0;width:100%;height:100%}
.crowd-canvas rect{fill:#0b5cad33;stroke:#0b5cad;stroke-width:2;vector-effect:non-scaling-stroke}
`;

  // --- small tools -----------------------------------------------------------------------------------------------

  function made(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // Attributes hold JavaScript's literals rather than JSON: ['a', 'b'], { text: 'None' }, with commas too many.
  function literal(text, otherwise) {
    if (!text) return otherwise;
    const token = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[[\]{}:,]|[^\s[\]{}:,'"]+/g;
    const words = (text.match(token) || []).map((word) => {
      if (word[0] === "'") return JSON.stringify(word.slice(1, -1).replace(/\\(.)/g, "$1"));
      if (/^[[\]{}:,"]/.test(word)) return word;
      return /^(true|false|null|-?\d+(\.\d+)?([eE][+-]?\d+)?)$/.test(word) ? word : JSON.stringify(word);
    });
    try {
      return JSON.parse(words.filter((word, at) => word !== "," || !/^[\]}]$/.test(words[at + 1] || "]")).join(""));
    } catch {
      return otherwise;
    }
  }

  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  function add(answers, name, value) {
    if (!name || value === undefined || value === "") return;
    if (isObject(value) && isObject(answers[name])) Object.assign(answers[name], value);
    else answers[name] = value;
  }

  function flattened(value, path, fields) {
    if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) flattened(inner, path ? `${path}.${key}` : key, fields);
    } else {
      fields[path] = typeof value === "string" ? value : JSON.stringify(value);
    }
    return fields;
  }

  // What an ordinary field within the form answers: boxes and buttons say of each value whether it is chosen.
  function nativeAnswer(field) {
    if (field.type === "checkbox" || field.type === "radio") return { [field.value || "on"]: field.checked };
    if (field.type === "select-multiple") return [...field.selectedOptions].map((option) => option.value);
    return ["submit", "reset", "button", "image", "file"].includes(field.type) ? undefined : field.value;
  }

  let drawn = 0;
  const groups = new WeakMap();
  function groupName(of) {
    if (!groups.has(of)) groups.set(of, `crowd-group-${(drawn += 1)}`);
    return groups.get(of);
  }

  // --- the elements ----------------------------------------------------------------------------------------------

  class CrowdElement extends HTMLElement {
    connectedCallback() {
      if (this.isBuilt) return;
      this.isBuilt = true;
      // What a page has set before this script ran hides our own properties of the name.
      const early = ["value", "checked", "disabled"].filter((name) => Object.hasOwn(this, name));
      const set = early.map((name) => [name, this[name]]);
      for (const name of early) delete this[name];
      this.build();
      for (const [name, value] of set) this[name] = value;
    }

    build() {}

    has(name) {
      return this.hasAttribute(name) && this.getAttribute(name) !== "false";
    }

    // Our own field: it is the element that answers, not the field.
    control(tag, properties) {
      const field = made(tag, properties);
      field.dataset.crowd = "";
      field.required = this.has("required");
      field.disabled = this.has("disabled");
      this.field = field;
      return field;
    }

    get disabled() {
      return this.field ? this.field.disabled : this.has("disabled");
    }

    set disabled(is) {
      this.toggleAttribute("disabled", Boolean(is));
      if (this.field) this.field.disabled = Boolean(is);
    }

    focus() {
      (this.field || this.querySelector("[data-crowd]") || this).focus();
    }
  }

  class CrowdForm extends CrowdElement {
    build() {
      this.form = made("form", { method: "post", action: submitTo }, ...this.childNodes);
      this.form.submit = () => this.submit();
      this.append(this.form);
      if (!this.form.querySelector("crowd-button[form-action=submit],[type=submit]")) {
        const button = made("crowd-button", {}, "Submit");
        button.setAttribute("form-action", "submit");
        button.setAttribute("variant", "primary");
        this.form.append(made("p", {}, button));
      }
      if (isPreview) this.say("This is a preview: you must accept the HIT before you can submit the results.");
      const missing = NOT_HERE.filter((name) => this.querySelector(name));
      if (missing.length) this.say(`This question needs <${missing[0]}>, which is not available here. Please return the HIT.`, true);
      this.isUsable = !isPreview && !missing.length;
    }

    say(words, isBad = false) {
      this.prepend(made("p", { className: `crowd-note${isBad ? " crowd-bad" : ""}`, role: "status" }, words));
    }

    get answers() {
      const answers = {};
      for (const element of this.form.querySelectorAll("*")) {
        if (element instanceof CrowdElement) add(answers, element.getAttribute("name"), element.answer);
        else if (element.matches("input,select,textarea") && !("crowd" in element.dataset) && !element.disabled) {
          add(answers, element.name, nativeAnswer(element));
        }
      }
      return answers;
    }

    // As a form's own: at once, without asking anybody.
    submit() {
      if (!this.isUsable || this.isSent) return;
      this.isSent = true;
      const fields =
        this.getAttribute("answer-format") === "flatten-objects" ? flattened(this.answers, "", {}) : {};
      if (!Object.keys(fields).length) fields.taskAnswers = JSON.stringify([this.answers]);
      const sent = made("form", { method: "post", action: submitTo, hidden: true });
      for (const [name, value] of [["assignmentId", assignmentId], ...Object.entries(fields)]) {
        sent.append(made("textarea", { name, value }));
      }
      document.body.append(sent);
      sent.submit();
    }

    reset() {
      this.form.reset();
    }
  }
  // After every listener of the page: what they have called off is not sent.
  window.addEventListener("submit", (event) => {
    const form = event.target.parentElement;
    if (!(form instanceof CrowdForm) || form.form !== event.target || event.defaultPrevented) return;
    event.preventDefault();
    form.submit();
  });

  class CrowdButton extends CrowdElement {
    build() {
      const action = this.getAttribute("form-action");
      const href = this.getAttribute("href");
      const type = { submit: "submit", reset: "reset" }[action] || "button";
      const words = [...this.childNodes];
      const name = this.getAttribute("label") || this.getAttribute("title") || this.getAttribute("icon") || action || "";
      if (!this.textContent.trim()) words.push(name);
      const variant = this.getAttribute("variant");
      const style = variant === "primary" || type === "submit" ? " crowd-primary" : variant === "link" ? " crowd-link" : "";
      this.field = href
        ? made("a", { href, target: this.getAttribute("target") || "", className: `crowd-button${style}` }, ...words)
        : made("button", { type, className: `crowd-button${style}` }, ...words);
      this.field.dataset.crowd = "";
      this.field.disabled = this.has("disabled") || (type === "submit" && isPreview);
      this.append(this.field);
    }

    static observedAttributes = ["disabled"];

    attributeChangedCallback() {
      if (this.field && this.field.disabled !== this.has("disabled")) this.field.disabled = this.has("disabled");
    }

    click() {
      this.field.click();
    }
  }

  class CrowdText extends CrowdElement {
    build() {
      const isArea = this.localName === "crowd-text-area";
      const type = this.getAttribute("type") || "text";
      const field = isArea
        ? this.control("textarea", { rows: Number(this.getAttribute("rows")) || 3 })
        : this.control("input", { type: type === "file" ? "text" : type });
      for (const [ours, its] of [["placeholder"], ["min"], ["max"], ["step"], ["max-length", "maxlength"], ["min-length", "minlength"]]) {
        if (this.hasAttribute(ours)) field.setAttribute(its || ours, this.getAttribute(ours));
      }
      field.value = field.defaultValue = this.getAttribute("value") || "";
      field.autofocus = this.has("auto-focus");
      if (this.has("auto-validate")) field.addEventListener("input", () => this.sieve());
      const label = this.getAttribute("label");
      if (!label) field.setAttribute("aria-label", this.getAttribute("placeholder") || this.getAttribute("name") || "Answer");
      this.append(made("label", { className: "crowd-field" }, ...(label ? [made("span", {}, label)] : []), field));
    }

    sieve() {
      const pattern = new RegExp(`^(?:${this.getAttribute("allowed-pattern") || "."})$`, "su");
      const kept = [...this.field.value].filter((character) => pattern.test(character)).join("");
      if (kept !== this.field.value) this.field.value = kept;
    }

    get value() {
      return this.field ? this.field.value : this.getAttribute("value") || "";
    }

    set value(text) {
      if (this.field) this.field.value = text ?? "";
      else this.setAttribute("value", text ?? "");
    }

    get answer() {
      return this.disabled ? undefined : this.value.replace(/\r\n?/g, "\n");
    }
  }

  class CrowdSlider extends CrowdElement {
    build() {
      const bounds = { min: "0", max: "100", step: "1" };
      for (const name of Object.keys(bounds)) bounds[name] = this.getAttribute(name) || bounds[name];
      const field = this.control("input", { type: "range", ...bounds });
      field.required = false;
      field.value = field.defaultValue = this.getAttribute("value") || bounds.min;
      field.setAttribute("aria-label", this.getAttribute("label") || this.getAttribute("name") || "Value");
      const said = made("output", {}, field.value);
      field.addEventListener("input", () => said.replaceChildren(field.value));
      this.append(made("label", { className: "crowd-field" }, field, " ", said));
    }

    get value() {
      return this.field ? Number(this.field.value) : NaN;
    }

    set value(number) {
      this.field.value = number;
      this.field.dispatchEvent(new Event("input", { bubbles: true }));
    }

    get answer() {
      return this.disabled ? undefined : this.value;
    }
  }

  class CrowdChoice extends CrowdElement {
    build() {
      const isRadio = this.localName === "crowd-radio-button";
      const field = this.control("input", { type: isRadio ? "radio" : "checkbox" });
      if (isRadio) {
        const group = this.closest("crowd-radio-group");
        field.name = group ? groupName(group) : `crowd-radio-${this.getAttribute("name")}`;
        field.required ||= Boolean(group && group.hasAttribute("required"));
      }
      field.checked = field.defaultChecked = this.has("checked");
      this.append(made("label", { className: "crowd-choice" }, field, made("span", {}, ...this.childNodes)));
      if (!this.textContent.trim()) field.setAttribute("aria-label", this.getAttribute("name") || "Choice");
    }

    get checked() {
      return this.field ? this.field.checked : this.has("checked");
    }

    set checked(is) {
      if (this.field) this.field.checked = Boolean(is);
      else this.toggleAttribute("checked", Boolean(is));
    }

    get value() {
      return this.getAttribute("value") || "on";
    }

    set value(text) {
      this.setAttribute("value", text);
    }

    get answer() {
      return { [this.value]: this.checked };
    }
  }

  class CrowdRadioGroup extends CrowdElement {
    get buttons() {
      return [...this.querySelectorAll("crowd-radio-button")];
    }

    get selected() {
      return this.buttons.find((button) => button.checked)?.getAttribute("name");
    }

    set selected(name) {
      for (const button of this.buttons) button.checked = button.getAttribute("name") === name;
    }
  }

  // What stands beside a widget, and its target; the rest of the children stays with the target.
  function widget(element, ...own) {
    const [short, full, comment] = ["short-instructions", "full-instructions", "worker-comment"].map((name) =>
      [...element.children].find((child) => child.localName === name),
    );
    const aside = made("aside");
    if (short) aside.append(short);
    if (full) aside.append(made("details", {}, made("summary", {}, full.getAttribute("header") || "View full instructions"), full));
    comment?.remove();
    const rest = [...element.childNodes];
    const header = made("p", { className: "crowd-header" }, element.getAttribute("header") || "");
    const main = made("div", {}, header, ...rest, ...own);
    element.append(made("div", { className: "crowd-widget" }, ...(aside.childNodes.length ? [aside] : []), main));
    return { main, comment };
  }

  class CrowdClassifier extends CrowdElement {
    build() {
      this.isMany = this.localName.endsWith("-multi-select");
      const image = this.localName.startsWith("crowd-image") ? [made("img", { src: this.getAttribute("src") || "", alt: "The image to classify" })] : [];
      const list = made("fieldset", {}, made("legend", {}, this.isMany ? "Choose all that apply" : "Choose one"));
      const categories = literal(this.getAttribute("categories"), []).map(String);
      this.apart = literal(this.getAttribute("exclusion-category"), {}).text;
      for (const category of this.apart ? [...categories, this.apart] : categories) list.append(this.choice(category));
      const { main, comment } = widget(this, ...image, list);
      if (comment) this.askComment(main, comment);
      this.addEventListener("change", () => this.check());
      this.check();
    }

    choice(category) {
      const box = this.control("input", { type: this.isMany ? "checkbox" : "radio", value: category, name: groupName(this) });
      box.required = !this.isMany;
      if (this.isMany) {
        box.addEventListener("change", () => {
          for (const other of this.boxes) {
            if (box.checked && other !== box && (box.value === this.apart || other.value === this.apart)) other.checked = false;
          }
        });
      }
      return made("label", {}, box, made("span", {}, category));
    }

    askComment(main, comment) {
      this.comment = made("textarea", { placeholder: comment.getAttribute("placeholder") || "", rows: 3 });
      this.comment.dataset.crowd = "";
      const words = comment.getAttribute("header") || comment.getAttribute("link-text") || "Add a comment";
      main.append(made("label", { className: "crowd-field" }, made("span", {}, words), this.comment), comment);
    }

    // One of many boxes must be ticked, which browsers cannot ask for by themselves.
    check() {
      if (this.isMany) this.boxes[0]?.setCustomValidity(this.chosen.length ? "" : "Choose at least one.");
    }

    get boxes() {
      return [...this.querySelectorAll("fieldset input[data-crowd]")];
    }

    get chosen() {
      return this.boxes.filter((box) => box.checked).map((box) => box.value);
    }

    get value() {
      const value = this.isMany ? { labels: this.chosen } : { label: this.chosen[0] };
      if (this.comment?.value) value.workerComment = this.comment.value;
      return value;
    }

    get _submittableValue() {
      return this.value;
    }

    get answer() {
      return this.chosen.length ? this.value : undefined;
    }
  }
  // The keys 1 to 9 choose in the only classifier of a page, as long as nobody is writing.
  document.addEventListener("keydown", (event) => {
    const found = [...document.querySelectorAll("crowd-classifier,crowd-image-classifier,crowd-classifier-multi-select,crowd-image-classifier-multi-select")];
    const isWriting = event.target instanceof Element && event.target.matches("textarea,select,input:not([type=radio],[type=checkbox])");
    if (found.length !== 1 || isWriting || event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    const box = found[0].boxes[Number(event.key) - 1];
    box?.focus();
    box?.click();
  });

  const SVG = "http://www.w3.org/2000/svg";
  class CrowdBoundingBox extends CrowdElement {
    build() {
      this.labels = literal(this.getAttribute("labels"), []).map(String);
      this.boxes = literal(this.getAttribute("initial-value"), []);
      this.image = made("img", { src: this.getAttribute("src") || "", alt: "The image to draw boxes on", draggable: false });
      this.svg = document.createElementNS(SVG, "svg");
      const canvas = made("div", { className: "crowd-canvas" }, this.image, this.svg);
      const choices = made("fieldset", {}, made("legend", {}, "Choose a label, then draw its box"));
      for (const [at, label] of this.labels.entries()) {
        const radio = this.control("input", { type: "radio", name: groupName(this), value: label, checked: at === 0 });
        choices.append(made("label", {}, radio, made("span", {}, label)));
      }
      this.list = made("ul");
      widget(this, choices, canvas, this.list);
      this.image.addEventListener("load", () => this.show());
      canvas.addEventListener("pointerdown", (event) => this.begin(event, canvas));
      this.show();
    }

    at(event) {
      const seen = this.image.getBoundingClientRect();
      const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
      const [width, height] = [this.image.naturalWidth, this.image.naturalHeight];
      return [
        within(((event.clientX - seen.left) / seen.width) * width, width),
        within(((event.clientY - seen.top) / seen.height) * height, height),
      ];
    }

    begin(event, canvas) {
      const label = this.querySelector("fieldset input:checked")?.value;
      if (!label || !this.image.naturalWidth) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      const [x, y] = this.at(event);
      const box = { height: 0, label, left: x, top: y, width: 0 };
      this.boxes.push(box);
      const grow = (moved) => {
        const [right, bottom] = this.at(moved);
        Object.assign(box, { left: Math.min(x, right), top: Math.min(y, bottom), width: Math.abs(right - x), height: Math.abs(bottom - y) });
        this.show();
      };
      const end = () => {
        canvas.removeEventListener("pointermove", grow);
        if (box.width < 2 || box.height < 2) this.boxes = this.boxes.filter((other) => other !== box);
        this.show();
      };
      canvas.addEventListener("pointermove", grow);
      canvas.addEventListener("pointerup", end, { once: true });
    }

    show() {
      this.svg.setAttribute("viewBox", `0 0 ${this.image.naturalWidth || 1} ${this.image.naturalHeight || 1}`);
      this.svg.replaceChildren(
        ...this.boxes.map((box) => {
          const rect = document.createElementNS(SVG, "rect");
          for (const [name, value] of [["x", box.left], ["y", box.top], ["width", box.width], ["height", box.height]]) rect.setAttribute(name, value);
          return rect;
        }),
      );
      this.list.replaceChildren(
        ...this.boxes.map((box) => {
          const away = made("button", { type: "button", className: "crowd-button crowd-link" }, "Remove");
          away.addEventListener("click", () => {
            this.boxes = this.boxes.filter((other) => other !== box);
            this.show();
          });
          return made("li", {}, `${box.label}, ${box.width} × ${box.height} `, away);
        }),
      );
    }

    get value() {
      const boundingBoxes = this.boxes.map(({ height, label, left, top, width }) => ({ height, label, left, top, width }));
      return { boundingBoxes, inputImageProperties: { height: this.image.naturalHeight, width: this.image.naturalWidth } };
    }

    get _submittableValue() {
      return this.value;
    }

    get answer() {
      return this.value;
    }
  }

  class CrowdInstructions extends CrowdElement {
    build() {
      const summary = made("summary", {}, this.getAttribute("link-text") || "Click for instructions");
      this.append(made("details", {}, summary, ...this.childNodes));
    }
  }

  class CrowdAlert extends CrowdElement {
    build() {
      this.setAttribute("role", this.getAttribute("type") === "error" ? "alert" : "status");
      if (!this.has("dismissible")) return;
      const away = made("button", { type: "button", className: "crowd-button crowd-link" }, "Dismiss");
      away.addEventListener("click", () => this.remove());
      this.append(" ", away);
    }
  }

  class CrowdCard extends CrowdElement {
    build() {
      const heading = this.getAttribute("heading");
      const image = this.getAttribute("image");
      if (image) this.prepend(made("img", { src: image, alt: "" }));
      if (heading) this.prepend(made("p", { className: "crowd-header" }, heading));
    }
  }

  class CrowdTabs extends CrowdElement {
    build() {
      const tabs = [...this.children].filter((child) => child.localName === "crowd-tab");
      const buttons = tabs.map((tab) => made("button", { type: "button", className: "crowd-button", role: "tab" }, tab.getAttribute("header") || "Tab"));
      const show = (shown) => {
        for (const [at, tab] of tabs.entries()) {
          tab.hidden = at !== shown;
          buttons[at].setAttribute("aria-selected", String(at === shown));
        }
      };
      for (const [at, button] of buttons.entries()) button.addEventListener("click", () => show(at));
      for (const tab of tabs) tab.setAttribute("role", "tabpanel");
      const bar = made("div", { className: "crowd-tabs", role: "tablist" }, ...buttons);
      this.prepend(bar);
      show(0);
    }
  }

  class CrowdModal extends CrowdElement {
    build() {
      this.dialog = made("dialog", {}, ...this.childNodes);
      const away = made("button", { type: "button", className: "crowd-button" }, "Close");
      away.addEventListener("click", () => this.close());
      this.dialog.append(made("p", {}, away));
      const opener = made("button", { type: "button", className: "crowd-button crowd-link" }, this.getAttribute("link-text") || "");
      opener.addEventListener("click", () => this.open());
      this.append(...(this.hasAttribute("link-text") ? [opener] : []), this.dialog);
    }

    open() {
      if (!this.dialog.open) this.dialog.showModal();
    }

    close() {
      this.dialog.close();
    }
  }

  class CrowdToast extends CrowdElement {
    build() {
      this.setAttribute("role", "status");
      if (this.getAttribute("text")) this.append(this.getAttribute("text"));
      this.hidden = true;
      if (this.has("opened")) this.open();
    }

    open() {
      this.hidden = false;
      setTimeout(() => this.close(), Number(this.getAttribute("duration")) || 3000);
    }

    show() {
      this.open();
    }

    close() {
      this.hidden = true;
    }
  }

  function begin() {
    document.head.prepend(made("style", {}, STYLE));
    // The form first: it moves its children, which then find their place.
    const elements = {
      form: CrowdForm, button: CrowdButton, "icon-button": CrowdButton, fab: CrowdButton, input: CrowdText,
      "text-area": CrowdText, slider: CrowdSlider, checkbox: CrowdChoice, "toggle-button": CrowdChoice,
      "radio-group": CrowdRadioGroup, "radio-button": CrowdChoice, classifier: CrowdClassifier,
      "classifier-multi-select": CrowdClassifier, "image-classifier": CrowdClassifier,
      "image-classifier-multi-select": CrowdClassifier, "bounding-box": CrowdBoundingBox,
      instructions: CrowdInstructions, alert: CrowdAlert, card: CrowdCard, tabs: CrowdTabs, modal: CrowdModal,
      toast: CrowdToast,
    };
    // Each name needs a class of its own.
    for (const [name, kind] of Object.entries(elements)) customElements.define(`crowd-${name}`, class extends kind {});
    document.dispatchEvent(new Event("all-crowd-elements-ready", { bubbles: true }));
  }

  // Elements read their children, which are all there only when the page is.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
