// The quick exit: leaves every open page of ours at once and takes this one out of the history.
// Shift pressed three times within five seconds does the same (as on other public services).
(() => {
  "use strict";
  const away = "/thoat";
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("trogiup-exit") : null;
  let presses = [];

  function leave() {
    document.title = "…";
    document.body.replaceChildren();
    window.location.replace(away);
  }

  function leaveEverywhere() {
    channel?.postMessage("exit");
    leave();
  }

  channel?.addEventListener("message", leave);
  document.querySelector("[data-exit]")?.addEventListener("click", (event) => {
    event.preventDefault();
    leaveEverywhere();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key !== "Shift") {
      presses = [];
      return;
    }
    presses = presses.filter((at) => event.timeStamp - at < 5000).concat(event.timeStamp);
    if (presses.length === 3) leaveEverywhere();
  });
})();
