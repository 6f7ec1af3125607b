// Takes a Worker who is done back to where they came from, after a pause that they can end or call off. Without it, the
// link is there.
(() => {
  const link = document.getElementById("way-out");
  const going = document.getElementById("going");
  const stay = document.getElementById("stay-here");
  let left = Number(link.dataset.waitSeconds);
  let timer = 0;
  const tick = () => {
    if (left <= 0) {
      location.assign(link.href);
      return;
    }
    going.textContent = `You are taken there in ${left} second${left === 1 ? "" : "s"}.`;
    left -= 1;
    timer = setTimeout(tick, 1000);
  };
  stay.hidden = false;
  stay.addEventListener("click", () => {
    clearTimeout(timer);
    going.textContent = "";
    stay.hidden = true;
    link.focus();
  });
  // Back by the browser's button: they have been there already.
  addEventListener("pageshow", (event) => {
    if (event.persisted) stay.click();
  });
  tick();
})();
