// Browsers older than 2025 do not know `commandfor`; this opens and closes our dialogs there.
if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", event => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (dialog) button.getAttribute("command") === "close" ? dialog.close() : dialog.showModal();
  });
}

// A form is sent once: a second click while the first is under way would import the file again.
document.addEventListener("submit", event => {
  const button = event.target.querySelector("button[type=submit]");
  if (button) setTimeout(() => { button.disabled = true; }, 0);
});
addEventListener("pageshow", () => {
  document.querySelectorAll("button[type=submit]:disabled").forEach(button => { button.disabled = false; });
});
