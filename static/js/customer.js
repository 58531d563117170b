/* The customer's page, alive: sums at once, countdowns, honest ages, and whatever changes at the plug.
   Without this file the page still works: every button is a form, and the server does the sums. */
(() => {
  "use strict";
  const $ = (selector, root) => (root || document).querySelector(selector);
  const $$ = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const FRESH_S = 90, POLL_S = 15, RENEW_S = 60, READINGS_S = 5, TIMEOUT_MS = 10000;
  let page = $("#page"), base = null, plan = null, words = {}, stream = null;
  let ahead = 0, fetchedAt = 0, quietUntil = 0, busy = false, soon = 0, saying = 0;

  /* --- the server's clock: the phone's own may be wrong --------------------------------------- */
  const setClock = () => { ahead = Number(page.dataset.now) - performance.now() / 1000; };
  const now = () => ahead + performance.now() / 1000;
  const two = (n) => String(n).padStart(2, "0");
  const wall = (at, seconds) => {
    const day = Math.floor(at + Number(page.dataset.zone)) % 86400;
    const text = `${two(Math.floor(day / 3600))}:${two(Math.floor(day / 60) % 60)}`;
    return seconds ? `${text}:${two(day % 60)}` : text;
  };

  /* --- money, as billing.pricing does it, in whole numbers (below 2^53 throughout) -------------
     Prices × 10,000; a line is rounded half up to satang once: energy Wh × price / 100,000, time
     s × price / 6,000, parking (per hour) s × price / 360,000. Wh at a price border: by time, rounded down (pricing._wh_at). */
  const halfUp = (product, per) => Math.floor((product + per / 2) / per);
  const line = (price, on, off, per) => price.any
    ? halfUp(price.on * (on + off), per)
    : halfUp(price.on * on, per) + halfUp(price.off * off, per);
  const total = (p, [on, off]) =>
    p.once + line(p.energy, on[0], off[0], 100000) + line(p.time, on[1], off[1], 6000)
    + line(p.park, on[1], off[1], 360000);

  function estimate(p, wh, at) {
    const start = p.running ? p.at : Math.max(p.at, Math.floor(at));
    const rest = Math.max(wh - p.drawn, 0);
    const seconds = Math.ceil((rest * 3600) / p.power), end = start + seconds;
    const used = () => [p.past[0].slice(), p.past[1].slice()]; // On-Peak, Off-Peak: [Wh, s]
    const sums = used();
    let on = p.on, from = start, done = 0, crosses = false;
    const add = (until, there) => {
      sums[on ? 0 : 1][0] += there - done;
      sums[on ? 0 : 1][1] += until - from;
      on = !on; from = until; done = there;
    };
    for (const border of p.borders) {
      if (border <= start) { on = !on; continue; }
      if (border < start + 3 * seconds) crosses = true; // a slow car may get there
      if (border >= end) break;
      add(border, Math.floor((rest * (border - start)) / seconds));
    }
    add(end, rest);
    const bounds = [0, 1].map((period) => {
      const all = used();
      all[period][0] += rest; all[period][1] += seconds;
      return total(p, all);
    }).sort((a, b) => a - b);
    const [expected, lowest, highest] = wh ? [total(p, sums), ...bounds] : [0, 0, 0];
    return { expected, lowest, highest, seconds, end, open: crosses && lowest !== highest };
  }
  /* The Wh that an amount will probably buy. */
  function buys(p, satang, at) {
    let low = p.drawn, high = Math.max(p.most, p.drawn);
    while (low < high) {
      const middle = Math.floor((low + high + 1) / 2);
      if (estimate(p, middle, at).expected <= satang) low = middle; else high = middle - 1;
    }
    return low;
  }
  /* What Confirm sets aside: the dearest case at the plug's full power (forecast.dearest). */
  function toHold(p, wh) {
    const all = [wh, Math.ceil((wh * 3600) / p.top)], none = [0, 0];
    return Math.max(total(p, [all, none]), total(p, [none, all])) + (p.apart ? (p.park.on || p.park.off ? 3 : 2) : 0);
  }

  /* The Wh that a payment beforehand buys (selectors.quotes.covered). */
  function covered(p, satang) {
    let low = 0, high = p.most;
    while (low < high) {
      const middle = Math.floor((low + high + 1) / 2);
      if (toHold(p, middle) <= satang) low = middle; else high = middle - 1;
    }
    return low;
  }

  /* --- words ------------------------------------------------------------------------------------ */
  const put = (text, value) => text.replace(/\{[nx]\}/, value);
  const baht = (satang) =>
    `฿${String(Math.floor(satang / 100)).replace(/\B(?=(\d{3})+$)/g, ",")}.${two(satang % 100)}`;
  const kwh = (wh) => `${Math.floor(wh / 1000)}.${two(Math.floor((wh % 1000) / 10))}`;
  const length = (s) => {
    const minutes = Math.floor(s / 60), hours = Math.floor(s / 3600), days = Math.floor(s / 86400);
    if (s < 60) return put(words.s, s);
    if (minutes < 60) return put(words.min, minutes);
    if (days) return put(days > 1 ? words.days : words.day, days);
    return put(words.h, hours) + (minutes % 60 ? ` ${put(words.min, minutes % 60)}` : "");
  };
  const say = (text, wait) => {
    clearTimeout(saying);
    saying = setTimeout(() => { $("#say").textContent = text; }, wait || 0);
  };

  /* --- how much? --------------------------------------------------------------------------------- */
  const whole = (text) => (/^\s*\d{1,6}\s*$/.test(text) ? Number(text) : NaN);
  const money = (text) => (/^\s*\d{1,7}(\.\d{1,2})?\s*$/.test(text) ? Math.round(Number(text) * 100) : NaN);

  function sumOf(by, text, at) {
    if (by === "full") {
      const most = plan.pays ? baht(toHold(plan, plan.limits.kwh[1] * 1000)) : plan.full || words.full;
      return { big: most, time: words.taken, end: "", go: plan.pays ? most : words.until };
    }
    const [least, most] = plan.limits[by], inKwh = by === "kwh";
    const amount = inKwh ? whole(text) : money(text) / 100;
    if (!(amount >= least && amount <= most)) return { big: "–", time: "–", end: "" };
    const bought = () => (plan.pays ? covered(plan, money(text)) : buys(plan, money(text), at));
    const wh = inKwh ? amount * 1000 : bought(), found = estimate(plan, wh, at);
    const timed = [plan.time, plan.park].some((t) => t.on || t.off), due = plan.pays ? toHold(plan, wh) : found.expected;
    const sure = timed && !plan.pays ? put(words.money, baht(due)) : baht(due);
    const price = found.open ? `${baht(found.lowest)} – ${baht(found.highest)}` : sure;
    return {
      big: inKwh ? price : put(plan.pays ? words.bought : words.energy, kwh(wh)),
      time: put(words.about, length(found.seconds)),
      end: put(words.done, wall(found.end)),
      go: !inKwh ? baht(money(text)) : plan.pays ? baht(due) : `${amount} kWh · ${price}`,
      least: amount === least && plan.least,
      open: inKwh && found.open,
      short: plan.can !== null && (inKwh ? toHold(plan, wh) : money(text)) > plan.can,
    };
  }

  /* Each way to pay has its own bounds; a member's card has its own prices too. */
  function pick(form) {
    const said = base.ways && base.ways[form.elements.pay.value];
    plan = said ? Object.assign({}, base, said) : base;
    if (!said) return;
    $$("[data-pays]", page).forEach((node) => { node.hidden = !said.pays; });
    $$("[data-taps]", page).forEach((node) => { node.hidden = said.pays; });
    $$(".bank", page).forEach((node) => { node.classList.toggle("away", form.elements.pay.value !== "mobile_banking"); });
    form.elements.quoted.value = plan.at;
  }

  function show(form, spoken) {
    const by = form.elements.by.value, field = form.elements[by], slide = $("#slide", form);
    const sum = sumOf(by, field ? field.value : "", now());
    form.dataset.by = by;
    for (const name of ["big", "time", "end"]) $(`[data-out=${name}]`, form).textContent = sum[name];
    if (plan.least) $("[data-out=least]", form).textContent = plan.least;
    for (const name of ["open", "short", "least"]) $$(`[data-out=${name}]`, form).forEach((note) => { note.hidden = !sum[name]; });
    $("#sum", form).classList.toggle("range", Boolean(sum.open));
    if (sum.go) $$("[data-out=go]", page).forEach((button) => { button.textContent = put(plan.go || words.go, sum.go); });
    if (spoken) say(`${sum.big} ${sum.time}`, 700);
    if (!field || by === "full") return;
    field.dataset.n = field.value.length;
    const [least, most, step] = plan.limits[by], low = step > 1 ? 0 : least; // tens fall on tens
    const value = Math.min(Math.max(Math.round(Number(field.value)) || least, low), most);
    Object.assign(slide, { min: low, max: most, step });
    slide.value = value;
    slide.style.setProperty("--v", `${((value - low) / (most - low || 1)) * 100}%`);
    slide.setAttribute("aria-valuetext", by === "kwh" ? `${value} kWh` : `฿${value}`);
    $$(`.chips.for-${by} button`, form).forEach((chip) =>
      chip.setAttribute("aria-pressed", String(Number(chip.dataset.set) === value)));
  }

  function chooser() {
    const form = $("#choose", page), data = $("#plan", page);
    if (!form || !data) return;
    base = JSON.parse(data.textContent);
    words = base.words;
    pick(form);
    show(form);
    if (form.dataset.ready) return;
    form.dataset.ready = "1";
    const set = (value) => {
      const by = form.elements.by.value, [least, most] = plan.limits[by];
      form.elements[by].value = String(Math.min(Math.max(value, least), most));
      $$(".err", form).forEach((note) => { note.hidden = true; });
      show(form, true);
    };
    form.addEventListener("click", (event) => {
      const button = event.target.closest("[data-step],[data-set]");
      if (!button) return;
      const by = form.elements.by.value, step = plan.limits[by][2] * Number(button.dataset.step);
      set(button.dataset.set ? Number(button.dataset.set) : (Math.round(Number(form.elements[by].value)) || 0) + step);
    });
    form.addEventListener("input", (event) => {
      if (event.target.id === "slide") set(Number(event.target.value)); else show(form, true);
    });
    page.addEventListener("change", (event) => {
      if (event.target.name !== "pay") return;
      const field = form.elements[form.elements.by.value];
      pick(form);
      if (field) set(Number(field.value) || 0); else show(form, true);
    });
  }

  /* --- time passes -------------------------------------------------------------------------------- */
  function tick() {
    const at = now(), waited = at - fetchedAt, deaf = !stream || stream.readyState !== 1;
    $$("[data-until]").forEach((node) => {
      const left = Math.max(Math.ceil(Number(node.dataset.until) - at), 0);
      node.textContent = `${Math.floor(left / 60)}:${two(left % 60)}`;
      if (!left && waited > 2) refresh();
    });
    $$("[data-fresh]").forEach((node) => {
      if (at - Number(node.dataset.fresh) > FRESH_S) node.classList.add("stale");
    });
    if (!document.hidden && (waited > RENEW_S || (deaf && waited > POLL_S))) refresh();
  }

  /* --- what has changed at the plug ---------------------------------------------------------------- */
  function swap(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("page");
    if (!fresh || busy) return;
    document.title = fresh.dataset.title;
    if (fresh.dataset.whole !== page.dataset.whole) { // a card's page has a policy of its own
      window.location.assign(page.dataset.home);
    } else if (fresh.dataset.key !== page.dataset.key) {
      const lostFocus = page.contains(document.activeElement);
      page.replaceWith(fresh);
      page = fresh;
      window.scrollTo(0, 0);
      if (lostFocus && $("#head")) $("#head").focus();
      say(page.dataset.say);
    } else { // the same stage: what people are filling in stays as it is
      $$("[data-swap]", fresh).forEach((part) => {
        const old = document.getElementById(part.id);
        if (old && old.outerHTML !== part.outerHTML) old.replaceWith(part);
      });
      const data = $("#plan", page), renewed = $("#plan", fresh);
      if (data && renewed) data.textContent = renewed.textContent;
      page.dataset.now = fresh.dataset.now;
    }
    setClock();
    chooser();
    go();
  }
  /* To the bank's own page, by itself once; the button leads there again. */
  function go() {
    const uri = page.dataset.go;
    if (!uri || sessionStorage.getItem("went") === uri) return;
    sessionStorage.setItem("went", uri);
    window.location.assign(uri);
  }

  async function refresh() {
    if (busy || now() < quietUntil || !page.dataset.part) return;
    fetchedAt = now();
    const stop = new AbortController(), patience = setTimeout(() => stop.abort(), TIMEOUT_MS);
    try {
      const answer = await fetch(page.dataset.part, { credentials: "same-origin", signal: stop.signal });
      if (answer.status === 429) quietUntil = now() + 60;
      if (answer.ok) { swap(await answer.text()); lost(false); }
    } catch (error) { lost(true); } finally { clearTimeout(patience); }
    fetchedAt = now();
  }
  const hasten = () => { clearTimeout(soon); soon = setTimeout(refresh, 150); };
  function lost(yes) {
    const note = $("#lost");
    if (yes && note.hidden) $("[data-lost]", note).textContent = wall(Number(page.dataset.now), true);
    note.hidden = !yes;
  }
  function listen() {
    if (!window.EventSource || !page.dataset.live) return;
    stream = new EventSource(page.dataset.live);
    stream.addEventListener("change", hasten);
    stream.addEventListener("refresh", hasten); // what happened before it was open was not heard
    stream.addEventListener("readings", () => {
      if ($("[data-fresh]") && now() - fetchedAt > READINGS_S) hasten();
    });
  }

  /* --- begin --------------------------------------------------------------------------------------- */
  window.evbilling = { estimate, buys, toHold, covered }; // the tests compare them with the server's
  document.documentElement.classList.add("js");
  if (!page || !page.dataset.now) return;
  document.addEventListener("submit", (event) => { // one press is one wish
    if (busy) event.preventDefault();
    busy = true;
    setTimeout(() => { busy = false; }, TIMEOUT_MS);
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", (event) => {
    busy = false;
    $$("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
    if (event.persisted) refresh();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && now() - fetchedAt > 5) refresh(); });
  window.addEventListener("online", refresh);
  window.addEventListener("offline", () => lost(true));
  setClock();
  fetchedAt = now();
  chooser();
  setInterval(tick, 1000);
  tick();
  listen();
  go();
})();
