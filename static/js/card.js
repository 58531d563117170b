/* The card's fields have no names: a form that were sent without this script would carry nothing.
   The number goes to the gateway's vault by the gateway's own script; we post the token it gives. */
(() => {
  "use strict";
  const form = document.getElementById("card-form"), note = document.getElementById("card-says");
  if (!form) return;
  const field = (name) => document.getElementById(`cc-${name}`);
  const digits = (text) => text.replace(/\D/g, "");
  const button = document.querySelector("[form=card-form]");

  const luhn = (number) => number.split("").reverse().reduce((sum, digit, n) => {
    const d = Number(digit) * (n % 2 ? 2 : 1);
    return sum + (d > 9 ? d - 9 : d);
  }, 0) % 10 === 0;
  function until(text) {
    const found = /^\s*(\d{1,2})\s*[/\- ]?\s*(\d{2}|\d{4})\s*$/.exec(text);
    if (!found) return null;
    const month = Number(found[1]), year = Number(found[2]) % 100 + 2000;
    return month >= 1 && month <= 12 ? { month, year } : null;
  }
  function say(text) {
    note.querySelector("p").textContent = text;
    note.hidden = !text;
    if (text) note.scrollIntoView({ block: "center" });
  }
  function check() {
    const number = digits(field("number").value), end = until(field("exp").value);
    const good = {
      number: number.length >= 12 && number.length <= 19 && luhn(number),
      exp: Boolean(end) && new Date(end.year, end.month, 1) > new Date(),
      csc: /^\d{3,4}$/.test(field("csc").value.trim()),
      name: field("name").value.trim().length > 1,
    };
    const bad = Object.keys(good).filter((name) => !good[name]);
    Object.keys(good).forEach((name) => {
      if (good[name]) field(name).removeAttribute("aria-invalid");
      else field(name).setAttribute("aria-invalid", "true");
    });
    if (bad.length) { say(form.dataset.bad); field(bad[0]).focus(); }
    return bad.length ? null : { number, end };
  }
  const busy = (yes) => { button.disabled = yes; };

  field("number").addEventListener("input", (event) => { // in fours, as it is printed
    const input = event.target, text = digits(input.value).slice(0, 19).replace(/(.{4})(?=.)/g, "$1 ");
    if (input.selectionStart === input.value.length) input.value = text;
  });
  field("exp").addEventListener("input", (event) => {
    const input = event.target, text = digits(input.value);
    if (event.inputType !== "deleteContentBackward" && text.length >= 2 && input.value.indexOf("/") < 0) {
      input.value = `${text.slice(0, 2)}/${text.slice(2, 6)}`;
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    say("");
    if (button.disabled) return;
    const card = check();
    if (!card) return;
    if (!window.Omise) { say(form.dataset.away); return; }
    busy(true);
    window.Omise.setPublicKey(form.dataset.key);
    window.Omise.createToken("card", {
      name: field("name").value.trim(),
      number: card.number,
      expiration_month: card.end.month,
      expiration_year: card.end.year,
      security_code: field("csc").value.trim(),
    }, (status, answer) => {
      if (status !== 200 || !answer || answer.object !== "token") {
        busy(false);
        say(form.dataset.no);
        return;
      }
      ["number", "exp", "csc", "name"].forEach((name) => { field(name).value = ""; });
      form.elements.token.value = answer.id;
      form.submit();
    });
  });
  window.addEventListener("pageshow", () => busy(false));
})();
