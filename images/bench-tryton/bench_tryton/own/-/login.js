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
  // The web client finds its session under this name; the key itself is in the cookie only.
  const session = { login_service: null, login: answer.login, user_id: answer.user_id, bus_url_host: null };
  window.localStorage.setItem(`sao_session_${answer.database}`, JSON.stringify(session));
  window.location.replace(`/#${answer.database}`);
}

logIn().catch((error) => {
  document.getElementById("message").textContent = error.message;
});
