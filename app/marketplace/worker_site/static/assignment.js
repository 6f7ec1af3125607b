// Progressive enhancement of the page on which a Worker answers: without it, the deadline is plain text and the button
// under the frame leads on.
(() => {
  const head = document.getElementById("assignment");
  const frame = document.getElementById("question-frame");
  // Counted from what the server said was left: this machine's clock may be wrong.
  const over = performance.now() + 1000 * Number(head.dataset.secondsLeft);
  const countdown = document.getElementById("countdown");
  const acceptNext = document.getElementById("accept-next-form");

  // The frame has an origin of its own, so who sent the message is checked by window, not by origin.
  addEventListener("message", (event) => {
    if (event.source === frame.contentWindow && event.data === "submitted") document.getElementById("next-form").submit();
  });

  const pad = (number) => String(number).padStart(2, "0");
  // Ears hear of the time three times only; eyes see it run.
  const said = document.getElementById("time-said");
  const say = (words) => {
    if (said.textContent !== words) said.textContent = words;
  };
  let before = Number(head.dataset.secondsLeft);
  const tick = () => {
    const left = Math.floor((over - performance.now()) / 1000);
    if (left < 0) {
      countdown.textContent = "· the time is over";
      countdown.classList.add("bad");
      say("The time is over.");
      return;
    }
    for (const [mark, words] of [[300, "5 minutes left."], [60, "1 minute left."]]) {
      if (left <= mark && before > mark) say(words);
    }
    before = left;
    const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    countdown.textContent = `· ${hours ? hours + ":" + pad(minutes) : minutes}:${pad(seconds)} left`;
    countdown.classList.toggle("bad", left < 60);
    setTimeout(tick, 1000);
  };
  tick();

  // Reloading the page would throw away what is already answered in the frame. In a visit there is no such box.
  acceptNext?.addEventListener("change", () => {
    fetch(acceptNext.action, { method: "POST", body: new URLSearchParams(new FormData(acceptNext)) });
    frame.focus();
  });

  // Keys such as 1 to 4 answer inside the frame: it has the focus at once, and again after the box above it was ticked.
  // Twice, since it may have loaded before this script did.
  frame.addEventListener("load", () => frame.focus());
  frame.focus();
})();
