"use strict";
// Shows times and numbers in the reader's form. The exact time stays at hand as the title.
const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const number = new Intl.NumberFormat();
function showValues() {
  for (const data of document.querySelectorAll("data[value]")) {
    data.textContent = number.format(Number(data.value));
  }
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.textContent = form.format(at);
    }
  }
}
showValues();

// An act is said to be done once, not again when the screen is loaded again.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}

// The first thing to read after a form was refused is why.
document.querySelector(".errors")?.focus();

// Screens that stay current: not while the tab is hidden, and not while the user has paused them.
const pause = document.querySelector("[data-pause]");
let isPaused = false;
if (pause && document.querySelector("[data-live]")) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Resume updates" : "Pause updates";
  });
}
document.addEventListener("htmx:before:request", (event) => {
  if ((isPaused || document.hidden) && event.target.matches("[data-live]")) {
    event.preventDefault();
  }
});
// The session has ended, or the service does not respond: the screen keeps what it shows, or leads to the sign-in screen.
document.addEventListener("htmx:before:response", (event) => {
  const status = event.detail.ctx.response.raw.status;
  if (status !== 200) {
    event.preventDefault();
  }
  if (status === 401) {
    location.reload();
  }
});
document.addEventListener("htmx:after:swap", showValues);

// A secret that is shown once can be copied.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = "Copied";
  });
}
