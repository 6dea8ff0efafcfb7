// Keeps an open page up to date: asks for it again, conditionally, and puts in the new <main> when it has changed.
// Without this script the page is the same; it is then brought up to date by loading it again.
"use strict";

const EVERY = 2500;
let tag = null;

function isBusy() {
  const chosen = document.activeElement;
  return document.hidden || (chosen !== null && chosen.closest("main form") !== null);
}

async function look() {
  const response = await fetch(location.href, { headers: tag === null ? {} : { "If-None-Match": tag }, cache: "no-store" });
  if (response.status === 304 || !response.ok || response.redirected) return;
  tag = response.headers.get("ETag");
  const next = new DOMParser().parseFromString(await response.text(), "text/html");
  document.title = next.title;
  replace(next.querySelector("main"));
  if (!next.body.hasAttribute("data-live")) document.body.removeAttribute("data-live");
}

function replace(main) {
  const now = document.querySelector("main");
  const open = [...now.querySelectorAll("details[id]")].filter((part) => part.open).map((part) => part.id);
  for (const part of main.querySelectorAll("details[id]")) part.open = open.includes(part.id);
  now.replaceWith(document.adoptNode(main));
}

async function turn() {
  try {
    if (!isBusy()) await look();
  } catch {
    // The server is away for a moment; the next turn asks again.
  }
  if (document.body.hasAttribute("data-live")) setTimeout(turn, EVERY);
}

if (document.body.hasAttribute("data-live")) setTimeout(turn, EVERY);
