// Stands in for MTurk's script of this name, which old HITs load: the same global names, written anew.

// A parameter of the frame's address, percent-encoded as it stands there.
function turkGetParam(name, otherwise) {
  const pairs = window.location.search.slice(1).split("&").map((pair) => pair.split("="));
  const found = pairs.find(([key]) => key === name);
  return found ? found.slice(1).join("=") : otherwise;
}

function decode(text) {
  return decodeURIComponent(text.replace(/\+/g, " "));
}

function turkGetSubmitToHost() {
  return decode(turkGetParam("turkSubmitTo", "")).replace(/\/+$/, "");
}

// Prepares the form: where it goes, for which assignment; in a preview it cannot be submitted.
function turkSetAssignmentID(formId, buttonId) {
  const assignmentId = turkGetParam("assignmentId", "");
  const field = document.getElementById("assignmentId");
  if (field) field.value = assignmentId;
  const button = document.getElementById(buttonId || "submitButton");
  if (button && assignmentId === "ASSIGNMENT_ID_NOT_AVAILABLE") {
    button.disabled = true;
    button.value = "You must ACCEPT the HIT before you can submit the results.";
  }
  const form = document.getElementById(formId || "mturk_form");
  if (form) form.action = `${turkGetSubmitToHost()}/mturk/externalSubmit`;
}
