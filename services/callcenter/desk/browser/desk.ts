/** What an agent's pages do besides: calls over whatever is being done, ticking clocks, reviews by few keys. */
import "./desk/calls";
import "./desk/clocks";
import "./desk/leaving";
import "./desk/review";
import "./desk/screen";
