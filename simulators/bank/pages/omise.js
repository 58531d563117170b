// What a page uses of the gateway's own script: the card goes from the browser to the vault.
window.Omise = (function () {
  "use strict";
  var vault = "__VAULT__", key = "";
  function setPublicKey(given) { key = given; }
  function createToken(kind, values, done) {
    var body = {};
    body[kind] = values;
    fetch(vault + "/tokens", {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: "Basic " + btoa(key + ":") },
      body: JSON.stringify(body)
    }).then(function (answer) {
      return answer.json().then(function (found) { done(answer.status, found); });
    }).catch(function () {
      done(0, { object: "error", code: "network_error", message: "The vault does not answer." });
    });
  }
  return { setPublicKey: setPublicKey, createToken: createToken };
})();
