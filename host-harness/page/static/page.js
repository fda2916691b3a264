"use strict";
// Shows times and numbers in the reader's form. The exact time stays at hand as the title.
const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const number = new Intl.NumberFormat();
const exact = document.querySelector("[data-exact]");
let isExact = sessionStorage.getItem("exact") === "true";
function showValues() {
  for (const data of document.querySelectorAll("data[value]")) {
    data.textContent = number.format(Number(data.value));
  }
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.textContent = isExact ? time.dateTime : form.format(at);
    }
  }
}
showValues();
if (exact) {
  exact.hidden = false;
  exact.setAttribute("aria-pressed", isExact);
  exact.addEventListener("click", () => {
    isExact = !isExact;
    sessionStorage.setItem("exact", isExact);
    exact.setAttribute("aria-pressed", isExact);
    showValues();
  });
}

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

// A session that is not used ends: two minutes before, the user can go on.
const idle = document.querySelector("[data-idle]");
function warnOfEnd() {
  const seconds = Number(idle.dataset.idle);
  setTimeout(() => (idle.hidden = false), Math.max(seconds - 120, seconds / 2) * 1000);
}
if (idle) {
  warnOfEnd();
  idle.querySelector("button").addEventListener("click", async () => {
    const answer = await fetch("/", { redirect: "manual" });
    if (answer.ok) {
      idle.hidden = true;
      warnOfEnd();
    } else {
      location.reload();
    }
  });
}

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.isSent) {
    event.preventDefault();
  }
  event.target.dataset.isSent = true;
});
addEventListener("pageshow", () => {
  for (const sent of document.querySelectorAll("[data-is-sent]")) {
    delete sent.dataset.isSent;
  }
});

// A secret that is shown once can be copied.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = "Copied";
  });
}
