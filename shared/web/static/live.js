// What pages do in the browser. No framework; everything is said in data- attributes:
//
// <body data-live="/live">                  server-sent events; each "changed" refreshes the regions
// <section id data-region="/path">          filled from that path; what is being typed in it stays
// <form data-command="/path">               sent as JSON with an Idempotency-Key
//   data-under="changes"                    values go under that name; with data-only-changed, changed ones only
//   data-then="/path/{id}"                  where to go afterwards, {name} taken from the answer
// <form data-fragment="#id" action="/path"> sent as JSON; the answer's HTML goes into that element
// <input data-number | data-list | data-optional | data-saw="claim ids">
"use strict";

const shown = new Map();

// --- the session ---------------------------------------------------------------------------------------------
// The access token is short-lived, and no script can read it. It is renewed before it ends, by one page of a browser
// at a time; whatever was typed stays where it is.

const RENEW_BEFORE = 90_000;
const UNTIL = "crm-until";
let renewing = null;

const until = () => Number(localStorage.getItem(UNTIL));

async function renew() {
  const before = until();
  const ask = async () => {
    if (until() > Math.max(before, Date.now())) return true; // another page did it while this one waited
    const answer = await fetch("/session/renew", { method: "POST", headers: { accept: "application/json" } });
    if (answer.ok) localStorage.setItem(UNTIL, Date.now() + (await answer.json()).seconds * 1000);
    return answer.ok;
  };
  renewing ??= (navigator.locks ? navigator.locks.request("crm-renew", ask) : ask())
    .catch(() => false)
    .finally(() => (renewing = null));
  return renewing;
}

async function keepRenewed() {
  if (until() - Date.now() > RENEW_BEFORE || (await renew())) setTimeout(keepRenewed, 30_000);
}

/** On whose account this page was opened, a contact or a case: the audit log keeps it. */
const WHY = new URLSearchParams(location.search).get("why");

/** As fetch; with a new access token when the one there was has ended. A command keeps its key, so it counts once. */
async function ask(url, options) {
  if (WHY) options = { ...options, headers: { ...options?.headers, "crm-why": WHY } };
  const answer = await fetch(url, options);
  if (answer.status !== 401 || !(await renew())) return answer;
  return fetch(url, options);
}

// --- regions -------------------------------------------------------------------------------------------------

function changedByHand(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return [...field.options].some((o) => o.selected !== o.defaultSelected);
  return field.value !== field.defaultValue;
}

function fieldsIn(region) {
  return [...region.querySelectorAll("input[id], select[id], textarea[id]")];
}

function remember(region) {
  const focus = region.contains(document.activeElement) ? document.activeElement : null;
  return {
    values: new Map(fieldsIn(region).filter(changedByHand).map((f) => [f.id, [f.value, f.checked, f.dataset.saw]])),
    open: new Map([...region.querySelectorAll("details[id]")].map((d) => [d.id, d.open])),
    focus: focus?.id,
    selection: focus && "selectionStart" in focus ? [focus.selectionStart, focus.selectionEnd] : null,
  };
}

function restore(region, before) {
  for (const field of fieldsIn(region)) {
    const [value, checked, saw] = before.values.get(field.id) ?? [];
    if (value === undefined) continue;
    // Who types decided by what stood there before, and hasn't seen what came meanwhile.
    if (saw !== undefined) field.dataset.saw = saw;
    if (field.type === "checkbox" || field.type === "radio") field.checked = checked;
    else field.value = value;
  }
  for (const details of region.querySelectorAll("details[id]")) {
    details.open = before.open.get(details.id) ?? details.open;
  }
  const focus = before.focus && document.getElementById(before.focus);
  if (focus && region.contains(focus)) {
    focus.focus({ preventScroll: true });
    try {
      if (before.selection) focus.setSelectionRange(...before.selection);
    } catch {
      // Fields such as numbers have a selection but don't let it be set.
    }
  }
}

function put(region, html) {
  if (shown.get(region.id) === html) return;
  shown.set(region.id, html);
  const before = remember(region);
  region.innerHTML = html;
  restore(region, before);
  localTimes(region);
  const title = region.querySelector("[data-title]");
  if (title) document.title = title.dataset.title;
}

async function refresh(region) {
  const answer = await ask(region.dataset.region, { headers: { accept: "text/html" } });
  if (answer.status === 401) signedOut();
  else if (answer.redirected) location.reload();
  else if (answer.ok) put(region, await answer.text());
}

let running = false;
let again = false;

// One round at a time: an older answer can't come after a newer one.
async function refreshAll() {
  again = true;
  if (running) return;
  running = true;
  try {
    while (again) {
      again = false;
      await Promise.all([...document.querySelectorAll("[data-region]")].map(refresh));
    }
  } catch {
    // No answer; the next event or look tries again.
  } finally {
    running = false;
  }
}

// --- commands ------------------------------------------------------------------------------------------------

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}

function valueOf(field) {
  if ("number" in field.dataset) return Number(field.value);
  if ("list" in field.dataset) return field.value.split(",").map((part) => part.trim()).filter(Boolean);
  return field.value;
}

function bodyOf(form) {
  const values = {};
  const saw = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if (field.type === "checkbox") {
      values[field.name] ??= [];
      if (field.checked) values[field.name].push(field.value);
      continue;
    }
    if (field.type === "radio" && !field.checked) continue;
    if ("optional" in field.dataset && field.value === "") continue;
    if ("onlyChanged" in form.dataset && !changedByHand(field)) continue;
    values[field.name] = valueOf(field);
    if (field.dataset.saw !== undefined) saw[field.name] = field.dataset.saw.split(" ").filter(Boolean);
  }
  if (!form.dataset.under) return values;
  return Object.keys(saw).length ? { [form.dataset.under]: values, saw } : { [form.dataset.under]: values };
}

// Nobody is sent away from what was typed: signing in happens beside it.
function signedOut(form) {
  const status = document.getElementById("connection");
  const link = document.createElement("a");
  link.href = "/sign-in";
  link.target = "_blank";
  link.textContent = status?.dataset.signedOut ?? "/sign-in";
  if (status) status.replaceChildren(link);
  if (form) {
    say(form, "");
    form.querySelector(".error").replaceChildren(link.cloneNode(true));
  }
}

function say(form, text) {
  let place = form.querySelector(".error");
  if (!place) {
    place = document.createElement("p");
    place.className = "error";
    place.setAttribute("role", "alert");
    form.append(place);
  }
  place.textContent = text;
}

async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return problem.detail + (problem.errors ?? []).map((e) => ` (${e.where}: ${e.what})`).join("");
  } catch {
    return `${answer.status}`;
  }
}

async function send(form) {
  const body = JSON.stringify(bodyOf(form));
  // The key belongs to what is sent: a repeat after a lost answer has the same, another text a new one.
  if (form.sent !== body) [form.sent, form.key] = [body, newKey()];
  const headers = { "content-type": "application/json", "idempotency-key": form.key, accept: "application/json" };
  const answer = await ask(form.dataset.command, { method: "POST", body, headers });
  if (answer.status === 401) {
    signedOut(form);
    return;
  }
  if (!answer.ok) {
    say(form, await problemOf(answer));
    return;
  }
  form.sent = undefined;
  say(form, "");
  const result = await answer.json();
  if (form.dataset.then) {
    location.assign(form.dataset.then.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(result[name])));
    return;
  }
  if (!("keep" in form.dataset)) form.reset();
  const region = form.closest("[data-region]");
  if (region) shown.delete(region.id);
  if (document.querySelector("[data-region]")) await refreshAll();
  else location.reload();
}

async function find(form) {
  const headers = { "content-type": "application/json", accept: "text/html" };
  const body = JSON.stringify(bodyOf(form));
  const answer = await ask(form.getAttribute("action"), { method: "POST", body, headers });
  const target = document.querySelector(form.dataset.fragment);
  if (answer.ok) target.innerHTML = await answer.text();
  else target.textContent = await problemOf(answer);
  localTimes(target);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const action = form.dataset.command ? send : form.dataset.fragment ? find : null;
  if (!action) return;
  event.preventDefault();
  if (form.busy) return;
  form.busy = true;
  try {
    await action(form);
  } catch (error) {
    say(form, error.message);
  } finally {
    form.busy = false;
  }
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form && "onChange" in form.dataset) form.requestSubmit();
});

// --- times, and the start ------------------------------------------------------------------------------------

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const options = { dateStyle: "medium", timeStyle: "short" };
    time.textContent = at.toLocaleString(document.documentElement.lang, options);
  }
}

function listen(url) {
  const status = document.getElementById("connection");
  const events = new EventSource(url);
  events.addEventListener("changed", () => {
    status.textContent = "";
    refreshAll();
  });
  events.addEventListener("error", () => {
    // A stream that ended of itself comes back at once; only a longer silence is worth a word.
    setTimeout(() => {
      if (events.readyState !== EventSource.OPEN) status.textContent = status.dataset.lost;
    }, 4000);
    // It is refused when the access token has ended; nobody says so to a script, so another one is asked for.
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(() => renew().then(() => listen(url)), 5000);
    }
  });
}

for (const region of document.querySelectorAll("[data-region]")) shown.set(region.id, region.innerHTML.trim());
localTimes(document);
if (document.getElementById("connection")) keepRenewed();
if (document.body.dataset.live) listen(document.body.dataset.live);
