// Keeps the live parts of a page as they are on the server. Everything works without it.
"use strict";

(() => {
  const SECOND = 1000, SLOWEST = 30 * SECOND;
  const parts = [...document.querySelectorAll("[data-live]")];
  let wait = SECOND, timer = 0;

  // What a person has opened, or is about to press, stays under their hand.
  const busy = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, select");

  async function refresh(part) {
    const answer = await fetch(part.dataset.live, {
      credentials: "same-origin", cache: "no-store", headers: { Accept: "text/html" },
    });
    if (answer.status === 204) { location.reload(); return false; }
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (part.seen === text || busy(part)) return false;
    part.seen = text;
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
    if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    return true;
  }

  async function tick() {
    try {
      const moved = await Promise.all(parts.map(refresh));
      const running = document.querySelector(".running .pulse");
      wait = running || moved.some(Boolean) ? SECOND : Math.min(wait * 1.5, 5 * SECOND);
    } catch {
      wait = Math.min(wait * 2, SLOWEST);
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (parts.length && !document.hidden) timer = setTimeout(tick, wait);
  }

  document.addEventListener("visibilitychange", () => { wait = SECOND; plan(); });
  document.addEventListener("submit", (event) => {
    // After the form's values were taken: a disabled button sends none.
    setTimeout(() => event.target.querySelectorAll("button").forEach((button) => { button.disabled = true; }), 0);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("button[disabled]").forEach((button) => { button.disabled = false; });
  });
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  plan();
})();
