// While something runs in the background its state is asked for; once it is over the page is loaded again. Without this script one reloads.
"use strict";

const EVERY_MS = 1500;

async function refreshJobs(list) {
  const response = await fetch("/can-bo/tai-lieu/viec", { headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("viec");
  if (!fresh) return;
  list.replaceWith(fresh);
  if (fresh.hasAttribute("data-live")) setTimeout(() => refreshJobs(fresh), EVERY_MS);
  else location.replace("/can-bo/tai-lieu");
}

async function followJob(note) {
  const response = await fetch(`/can-bo/tai-lieu/viec/${note.dataset.job}`);
  if (!response.ok) return;
  const job = await response.json();
  if (job.state === "done" || job.state === "failed") {
    location.reload();
    return;
  }
  if (job.of) note.querySelector("[data-step]").textContent = `${job.done}/${job.of}`;
  setTimeout(() => followJob(note), EVERY_MS);
}

const list = document.querySelector("#viec[data-live]");
if (list) setTimeout(() => refreshJobs(list), EVERY_MS);
const note = document.querySelector("[data-job]");
if (note) setTimeout(() => followJob(note), EVERY_MS);
