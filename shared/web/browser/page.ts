/** What every page does in the browser. Pages say what they want in attributes; see docs/pages.md. */
import "./page/htmx";
import "./page/regions";
import "./page/commands";
import "./page/keys";
import "./page/choices";
import { localTimes } from "./page/times";
import { keepRenewed } from "./page/session";
import { watchConnection } from "./page/connection";

localTimes(document);
watchConnection();
if (document.getElementById("connection")) keepRenewed();
