/**
 * The session. The access token is short-lived, and no script can read it. It is renewed before it ends, by one page
 * of a browser at a time; whatever was typed stays where it is.
 */

const RENEW_BEFORE = 90_000;
const LOOK_EVERY = 30_000;
const UNTIL = "crm-until";
let renewing: Promise<boolean> | null = null;

const until = (): number => Number(localStorage.getItem(UNTIL));

async function ask(before: number): Promise<boolean> {
  if (until() > Math.max(before, Date.now())) return true; // another page did it while this one waited
  const answer = await fetch("/session/renew", { method: "POST", headers: { accept: "application/json" } });
  if (answer.ok) {
    const { seconds } = (await answer.json()) as { seconds: number };
    localStorage.setItem(UNTIL, String(Date.now() + seconds * 1000));
  }
  return answer.ok;
}

/** Get a new access token; gives whether there is one. */
export function renew(): Promise<boolean> {
  const before = until();
  const asked = () => ask(before);
  renewing ??= (navigator.locks ? navigator.locks.request("crm-renew", asked) : asked())
    .catch(() => false)
    .finally(() => {
      renewing = null;
    });
  return renewing as Promise<boolean>;
}

export async function keepRenewed(): Promise<void> {
  if (until() - Date.now() > RENEW_BEFORE || (await renew())) setTimeout(keepRenewed, LOOK_EVERY);
}

/** Nobody is sent away from what was typed: signing in happens beside it. Gives another link for that. */
export function showSignedOut(): Node | null {
  const status = document.getElementById("connection");
  if (!status) return null;
  const link = document.createElement("a");
  link.href = "/sign-in";
  link.target = "_blank";
  link.textContent = status.dataset.signedOut ?? link.href;
  status.replaceChildren(link);
  return link.cloneNode(true);
}
