// Goes to another page of the studio. Streamlit takes it for a step in the browser's history: it asks
// for that page at once, and nothing more for the old one. Were Python to change the page, a part
// that renews itself could still ask for its own page meanwhile, and leave the new one empty.
function go(address, { replaces = false } = {}) {
  if (address === location.pathname + location.search) return;
  if (replaces) history.replaceState({}, "", address);
  else history.pushState({}, "", address);
  window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}

