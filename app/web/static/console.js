// Browsers older than 2025 do not know `commandfor`; this opens and closes our dialogs there.
if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", event => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (dialog) button.getAttribute("command") === "close" ? dialog.close() : dialog.showModal();
  });
}

// Pictures of a few pixels are enlarged with sharp edges, as Workers see them.
const sharpen = image => { if (image.naturalWidth > 0 && image.naturalWidth <= 128) image.classList.add("pixels"); };
document.addEventListener("load", event => { if (event.target.matches("img.thumb, img.medium")) sharpen(event.target); }, true);
document.querySelectorAll("img.thumb, img.medium").forEach(sharpen);

// A form is sent once: a second click while the first is under way would import the file again.
document.addEventListener("submit", event => {
  const button = event.target.querySelector("button[type=submit]");
  if (button) setTimeout(() => { button.disabled = true; }, 0);
});
addEventListener("pageshow", () => {
  document.querySelectorAll("button[type=submit]:disabled").forEach(button => { button.disabled = false; });
});
