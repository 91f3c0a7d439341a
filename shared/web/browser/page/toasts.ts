/** Short words on what was done, also after going to another page. */

const SECONDS = 6;

export function say(text: string): void {
  const place = document.getElementById("said");
  if (!place) return;
  const toast = document.createElement("div");
  toast.className = "toast show";
  const body = document.createElement("div");
  body.className = "toast-body";
  body.textContent = text;
  toast.append(body);
  place.append(toast);
  setTimeout(() => toast.remove(), SECONDS * 1000);
}

const before = sessionStorage.getItem("crm-said");
if (before) {
  sessionStorage.removeItem("crm-said");
  say(before);
}
