// Sign-in: a token from the address's fragment (never sent to a server or written to a log), or from the field.
"use strict";

const form = document.getElementById("sign-in");
const field = document.getElementById("token");

async function signIn(token) {
  const answer = await fetch("/session", { method: "POST", body: token });
  if (answer.ok) {
    location.replace("/");
  } else {
    form.querySelector(".error").textContent = form.dataset.failed;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(field.value.trim());
});

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  history.replaceState(null, "", location.pathname);
  signIn(given);
}
