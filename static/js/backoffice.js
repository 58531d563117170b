/* The back office's behaviour: freshness of live values, toasts, small comforts. No library but htmx. */
(() => {
  "use strict";
  const OLD_S = 90, QUIET_S = 40, POLL_MS = 15000;
  const root = document.documentElement, words = document.body.dataset;
  const $ = (selector) => document.querySelector(selector);
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Bangkok", hour: "2-digit", minute: "2-digit" });
  // The server's clock counts: values are stamped by it, and a phone's may be wrong.
  const skew = Number(root.dataset.now) * 1000 - Date.now();
  let contact = Date.now(), streaming = false;

  function heard() { contact = Date.now(); look(); }

  function look() {
    const lost = Date.now() - contact > QUIET_S * 1000;
    root.classList.toggle("lost", lost);
    const label = $("[data-fresh]");
    if (label) {
      const text = `${lost ? words.wordLost : words.wordLive} ${clock.format(contact + skew)}`;
      if (label.textContent !== text) label.textContent = text;
    }
    const now = (Date.now() + skew) / 1000;
    for (const value of document.querySelectorAll("[data-asof]")) {
      value.classList.toggle("stale", now - Number(value.dataset.asof) > OLD_S);
    }
  }

  /* Without a stream the parts are asked for by the clock, and the stream is tried again. */
  function poll() {
    const live = $("#live");
    if (!live || document.hidden || streaming && Date.now() - contact < QUIET_S * 1000) return;
    htmx.trigger(live, "refresh");
    if (!streaming) htmx.trigger(live, "reconnect");
  }

  function say(text) { const region = $("#say"); if (region) { region.textContent = ""; region.textContent = text; } }

  function toast(text) {
    const box = $("#toasts");
    if (!box || [...box.children].some((note) => note.dataset.text === text)) return;
    const note = document.createElement("div");
    note.className = "note bad";
    note.dataset.text = note.textContent = text;
    note.setAttribute("role", "alert");
    const close = document.createElement("button");
    close.type = "button";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", words.wordClose);
    close.textContent = "×";
    note.append(close);
    box.append(note);
  }

  /* A part that refreshes by itself fails quietly (the freshness says so); a person gets an answer. */
  const byHand = (ctx) => ["click", "submit", "change"].includes(ctx?.sourceEvent?.type);

  document.addEventListener("htmx:sse:after:connection", () => { streaming = true; heard(); });
  document.addEventListener("htmx:sse:after:message", heard);
  document.addEventListener("htmx:sse:error", () => { streaming = false; });
  document.addEventListener("htmx:sse:close", () => { streaming = false; });
  document.addEventListener("htmx:before:response", ({ detail: { ctx } }) => {
    const response = ctx.response;
    if (response.status < 500) heard();
    // A rule that said no is told beside the page, whatever part was going to be replaced.
    if (response.headers.get("X-Error")) Object.assign(ctx.hx, { retarget: "#toasts", reswap: "beforeend" });
    else if (response.status >= 500 && byHand(ctx)) toast(words.wordBroken);
  });
  document.addEventListener("htmx:error", ({ detail: { ctx } }) => { if (byHand(ctx)) toast(words.wordAway); });
  document.addEventListener("htmx:after:swap", () => {
    look();
    const told = $("[data-say-now]");  // read out once
    if (told) { say(told.dataset.sayNow); delete told.dataset.sayNow; }
  });
  addEventListener("offline", () => { contact = Math.min(contact, Date.now() - (QUIET_S + 1) * 1000); look(); });

  document.addEventListener("click", (event) => {
    const target = event.target;
    for (const open of document.querySelectorAll("details.menu[open]")) if (!open.contains(target)) open.open = false;
    const dismiss = target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest(".note").remove();
    const reveal = target.closest("[data-reveal]");
    if (reveal) {
      const field = document.getElementById(reveal.dataset.reveal), shown = field.type === "text";
      field.type = shown ? "password" : "text";
      reveal.setAttribute("aria-pressed", String(!shown));
    }
    const copy = target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => say(words.wordCopied));
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = $("details.menu[open]");
      if (open) { open.open = false; open.querySelector("summary").focus(); }
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const find = $("#find");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && find?.offsetParent) {
      event.preventDefault();
      find.focus();
    }
  });

  // On a phone the tabs scroll: the one that is open is in sight.
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  setInterval(look, 5000);
  setInterval(poll, POLL_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { look(); poll(); } });
})();
