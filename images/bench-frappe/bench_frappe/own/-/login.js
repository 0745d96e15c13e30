// Trades the token in the address (which no server saw) for a session, once.
"use strict";

async function logIn() {
  const token = window.location.hash.slice(1);
  // A reload or a copied address must not carry the token on.
  window.history.replaceState(null, "", window.location.pathname);
  if (!token) {
    throw new Error("This link has no token in it. Ask for a new one.");
  }
  const response = await fetch("/-/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
    credentials: "same-origin",
  });
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(answer.detail);
  }
  window.location.replace(answer.home);
}

logIn().catch((error) => {
  document.getElementById("message").textContent = error.message;
});
