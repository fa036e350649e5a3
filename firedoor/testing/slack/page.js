// Draws what the server tells, and tells the server what was pressed. The server escapes all that people and apps wrote.
"use strict";

const EVERY = 600; // milliseconds
const byId = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
let me = asked.get("as") || sessionStorage.getItem("me") || "";
let channel = asked.get("channel") || "";
let asking = false;
let again = false;
let refused = ""; // what this server itself did not take, such as a press in a message that is gone

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

function drawPeople(told) {
  const key = JSON.stringify(told.people);
  const list = byId("me");
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...told.people.map((each) =>
      option(each.id, each.kind === "member" ? each.name : `${each.name} (${each.kind.replaceAll("_", " ")})`)));
  }
  list.value = me;
}

function drawChannels(told) {
  const key = JSON.stringify([told.channels, told.channel]);
  const list = byId("channels");
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...told.channels.map((each) => {
    const item = document.createElement("li");
    item.textContent = `# ${each.name}`;
    item.dataset.channel = each.id;
    item.className = each.id === told.channel ? "here" : "";
    return item;
  }));
  const here = told.channels.find((each) => each.id === told.channel);
  byId("channel-name").textContent = `# ${here ? here.name : told.channel}`;
}

function drawMessages(told) {
  const box = byId("messages");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const known = new Map([...box.children].map((node) => [node.dataset.ts, node]));
  let before = null;
  let changed = false;
  for (const { key, html } of told.messages) {
    let node = known.get(key);
    if (!node || node.drawn !== html) {
      if (node && node.querySelector("dialog[open]")) { // somebody is being asked: draw it anew afterwards
        known.delete(key);
        before = node;
        continue;
      }
      const made = parsed(html);
      made.drawn = html;
      const thread = node && node.querySelector("details.thread");
      if (thread && thread.open && made.querySelector("details.thread")) made.querySelector("details.thread").open = true;
      if (node) node.replaceWith(made);
      node = made;
      changed = true;
    }
    known.delete(key);
    const place = before ? before.nextSibling : box.firstChild;
    if (place !== node) box.insertBefore(node, place);
    before = node;
  }
  known.forEach((node) => node.remove());
  if (changed && atEnd) box.scrollTop = box.scrollHeight;
}

function drawModal(told) {
  const box = byId("modal");
  const html = told.modal ? told.modal.html : "";
  if (box.drawn === html) return;
  // What was typed stays when only the complaints below the fields changed.
  const typed = told.modal && box.key === told.modal.key ? values(box.querySelector("form")) : null;
  box.drawn = html;
  box.key = told.modal ? told.modal.key : "";
  box.replaceChildren(...(html ? [parsed(html)] : []));
  box.hidden = !html;
  if (typed) refill(box, typed);
  const first = box.querySelector("[data-block]");
  if (first) first.focus();
}

function drawNotices(told) {
  const notices = refused ? [...told.notices, refused] : told.notices;
  const key = JSON.stringify(notices);
  const box = byId("notices");
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...notices.map((text) => {
    const made = document.createElement("p");
    made.dataset.testid = "notice";
    made.textContent = `⚠️ ${text}`;
    return made;
  }));
}

function values(form) {
  const made = {};
  for (const field of form.querySelectorAll("[data-block]")) {
    if ((field.type === "radio" || field.type === "checkbox") && !field.checked) continue;
    const block = (made[field.dataset.block] ??= {});
    (block[field.dataset.action] ??= []).push(field.value);
  }
  return made;
}

function refill(box, typed) {
  for (const field of box.querySelectorAll("[data-block]")) {
    const held = (typed[field.dataset.block] || {})[field.dataset.action] || [];
    if (field.type === "radio" || field.type === "checkbox") field.checked = held.includes(field.value);
    else field.value = held[0] || "";
  }
}

async function look() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(`/page/state?${new URLSearchParams({ as: me, channel })}`);
    const told = await answer.json();
    if (!me || !told.people.some((each) => each.id === me)) me = told.people.length ? told.people[0].id : told.me;
    byId("team").textContent = told.team;
    channel = told.channel;
    drawPeople(told);
    drawChannels(told);
    drawMessages(told);
    drawModal(told);
    drawNotices(told);
    document.body.classList.remove("away");
  } catch (error) {
    document.body.classList.add("away"); // the server ended; the next look may find it again
  }
  asking = false;
  if (again) { again = false; look(); }
}

async function tell(what, body, waiting) {
  if (waiting) waiting.disabled = true;
  try {
    const answer = await fetch(`/page/${what}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ as: me, channel, ...body }),
    });
    refused = answer.ok ? "" : await answer.text();
  } finally {
    if (waiting) waiting.disabled = false;
  }
  await look();
}

function confirmed(dialog) {
  return new Promise((resolve) => {
    const choose = (event) => {
      const button = event.target.closest("button");
      if (button) dialog.close(button.value);
    };
    dialog.returnValue = "";
    dialog.addEventListener("click", choose);
    dialog.addEventListener("close", () => {
      dialog.removeEventListener("click", choose);
      resolve(dialog.returnValue === "confirm");
    }, { once: true });
    dialog.showModal();
  });
}

async function press(button) {
  const next = button.nextElementSibling;
  if (next && next.matches("dialog.confirm") && !(await confirmed(next))) return;
  const menu = button.closest("details.menu");
  if (menu) menu.open = false;
  const modal = button.closest("form.modal");
  const where = modal ? { view_id: modal.dataset.viewId } : { ts: button.closest("[data-ts]").dataset.ts };
  await tell("press", { ...where, action_id: button.dataset.actionId, option: button.dataset.option }, button);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action-id]");
  if (button && button.closest("article.message, form.modal")) press(button);
  const modal = event.target.closest("form.modal");
  if (modal && event.target.closest("[data-testid=modal-close]")) tell("close", { view_id: modal.dataset.viewId });
  const place = event.target.closest("#channels li");
  if (place) { channel = place.dataset.channel; look(); }
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const send = form.querySelector("[data-testid=modal-submit]");
  tell("submit", { view_id: form.dataset.viewId, values: values(form) }, send);
});

byId("me").addEventListener("change", (event) => {
  me = event.target.value;
  sessionStorage.setItem("me", me);
  look();
});

// A permalink leads here before its message is drawn, so the browser does not find it by itself.
look().then(() => {
  const goal = location.hash && byId(location.hash.slice(1));
  if (goal) {
    const thread = goal.closest("details.thread");
    if (thread) thread.open = true;
    goal.classList.add("goal");
    goal.scrollIntoView();
  }
});
setInterval(look, EVERY);
