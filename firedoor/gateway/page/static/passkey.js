// Passkeys: asks the browser to sign what the form says, and sends the form with the answer. Nothing else needs a script.
"use strict";

const JOINT = /-/g;

function bytes(text) {
  const padded = text.replace(JOINT, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const letters = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function listed(credentials) {
  return (credentials || []).map((each) => ({ ...each, id: bytes(each.id) }));
}

async function made(options) {
  const asked = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: listed(options.excludeCredentials),
  };
  const key = await navigator.credentials.create({ publicKey: asked });
  return {
    id: key.id,
    rawId: text(key.rawId),
    type: key.type,
    response: {
      clientDataJSON: text(key.response.clientDataJSON),
      attestationObject: text(key.response.attestationObject),
    },
  };
}

async function signed(options) {
  const asked = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: listed(options.allowCredentials),
  };
  const key = await navigator.credentials.get({ publicKey: asked });
  return {
    id: key.id,
    rawId: text(key.rawId),
    type: key.type,
    response: {
      clientDataJSON: text(key.response.clientDataJSON),
      authenticatorData: text(key.response.authenticatorData),
      signature: text(key.response.signature),
      userHandle: key.response.userHandle ? text(key.response.userHandle) : null,
    },
  };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const says = form.querySelector("[data-says]");
    button.disabled = true;
    says.textContent = "";
    try {
      const options = JSON.parse(form.dataset.passkey);
      const answer = "new" in form.dataset ? await made(options) : await signed(options);
      form.elements.assertion.value = JSON.stringify(answer);
      form.submit();
    } catch (error) {
      says.textContent = `Nothing was sent: the passkey gave no answer (${error.name}). Try again.`;
      button.disabled = false;
    }
  });
}
