// Draws markup that Python escaped, changes only what differs, and tells what was clicked.

const PICTURE = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*$/;
const ADDRESS = /^(?:\/(?!\/)|\?|#)/;
const MARGIN = 12;
const NEAR = 400; // px

// A second guard behind the escaping: what is not on the lists does not get in.
function cleaned(node, rules) {
  if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  const tag = node.localName;
  if (!rules.tags.has(tag)) return document.createTextNode(node.textContent);
  const made = document.createElement(tag);
  for (const { name, value } of node.attributes) {
    const named = /^(?:aria|data)-[a-z]/.test(name) || ["class", "title", "style"].includes(name);
    if (!named && !rules.attributes.has(name)) continue;
    if (name === "src" && !PICTURE.test(value)) continue;
    if (name === "href" && !ADDRESS.test(value)) continue;
    made.setAttribute(name, value);
  }
  for (const child of node.childNodes) {
    const clean = cleaned(child, rules);
    if (clean) made.append(clean);
  }
  return made;
}

function parsed(data) {
  const rules = { tags: new Set(data.tags), attributes: new Set(data.attributes) };
  // A document without a window: nothing in it loads or runs.
  const source = new DOMParser().parseFromString(data.html, "text/html").body;
  const fragment = document.createElement("div");
  for (const child of source.childNodes) {
    const clean = cleaned(child, rules);
    if (clean) fragment.append(clean);
  }
  return fragment;
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined);

function isSame(old, next) {
  if (old.nodeType !== next.nodeType || old.localName !== next.localName) return false;
  return keyOf(old) === keyOf(next);
}

function copyAttributes(old, next) {
  const said = old.dataset.wasOpen !== undefined;
  for (const { name } of [...old.attributes]) {
    if (name === "open" || name === "data-was-open" || name === "data-copied") continue;
    if (!next.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.localName !== "details") return;
  // The reader's own folding stays, until Python says something else than before.
  const wanted = String(next.hasAttribute("open"));
  if (!said || old.dataset.wasOpen !== wanted) old.open = wanted === "true";
  old.dataset.wasOpen = wanted;
}

function morph(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  copyAttributes(old, next);
  morphChildren(old, next);
}

function morphChildren(old, next) {
  const keyed = new Map();
  for (const child of old.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let place = old.firstChild;
  for (const child of [...next.childNodes]) {
    const key = keyOf(child);
    const known = key ? keyed.get(key) : place && !keyOf(place) && isSame(place, child) && place;
    if (known && isSame(known, child)) {
      if (known === place) place = place.nextSibling;
      else old.insertBefore(known, place);
      morph(known, child);
    } else {
      markFolds(child);
      old.insertBefore(child, place);
    }
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

function markFolds(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const folds = [...node.querySelectorAll("details")];
  if (node.localName === "details") folds.push(node);
  for (const fold of folds) fold.dataset.wasOpen = String(fold.open);
}

function act(root, element) {
  root.tell({ name: element.dataset.act, value: element.dataset.value ?? "" });
}

function follow(link) {
  go(link.getAttribute("href"), { replaces: link.dataset.replaces !== undefined });
}

// Goes from stop to stop: from the one with the focus, else from the one that is chosen.
function goToStop(root, by) {
  const stops = [...root.querySelectorAll("[data-stop]")].filter((each) => each.offsetParent);
  const here = stops.findIndex((each) => each === document.activeElement);
  const chosen = stops.findIndex((each) => each.getAttribute("aria-expanded") === "true");
  const from = here >= 0 ? here : chosen;
  const next = stops[from < 0 ? 0 : Math.min(Math.max(from + by, 0), stops.length - 1)];
  if (!next) return;
  next.focus({ preventScroll: true });
  showElement(root, next);
}

// Links with a key of their own are followed by it from anywhere on the page.
function listenToKeys(root) {
  if (root.pressed || !root.querySelector("[aria-keyshortcuts], [data-stop]")) return;
  root.pressed = (event) => {
    const field = event.composedPath()[0];
    if (field?.matches?.("input, textarea, select, [contenteditable]") || event.defaultPrevented) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const by = { j: 1, k: -1 }[event.key];
    if (by && root.querySelector("[data-stop]")) {
      event.preventDefault();
      goToStop(root, by);
      return;
    }
    const link = root.querySelector(`a[href][aria-keyshortcuts="${CSS.escape(event.key)}"]`);
    if (!link) return;
    event.preventDefault();
    follow(link);
  };
  document.addEventListener("keydown", root.pressed);
}

function stopListeningToKeys(root) {
  document.removeEventListener("keydown", root.pressed);
  root.pressed = undefined;
}

function copy(element) {
  navigator.clipboard?.writeText(element.dataset.copy).then(() => {
    element.dataset.copied = "";
    setTimeout(() => delete element.dataset.copied, 1200);
  });
}

function listen(root) {
  root.addEventListener("click", (event) => {
    const copied = event.target.closest("[data-copy]");
    if (copied) {
      event.preventDefault();
      copy(copied);
      return;
    }
    const link = event.target.closest("a[href^='/']");
    if (link) {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      follow(link);
      return;
    }
    const element = event.target.closest("[data-act]");
    if (!element || element.localName === "details") return;
    // Who has just marked a text wants to copy it.
    if (element.dataset.stop !== undefined && event.detail && String(getSelection())) return;
    event.preventDefault();
    act(root, element);
  });
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    const element = event.target;
    if (element.getAttribute("role") !== "button") return;
    event.preventDefault();
    event.stopPropagation();
    element.click();
  });
  root.addEventListener(
    "toggle",
    (event) => {
      const fold = event.target;
      if (fold.open && fold.dataset.lazy !== undefined) act(root, fold);
    },
    true,
  );
}

function fit(root) {
  if (!root.isConnected) return;
  const top = root.getBoundingClientRect().top;
  root.style.maxHeight = `${Math.max(240, window.innerHeight - Math.max(top, 0) - MARGIN)}px`;
}

function keepFitting(root) {
  root.classList.add("pane-fits");
  fit(root);
  if (root.fitting) return;
  root.style.overflowAnchor = "none"; // see `anchorOf`
  root.addEventListener("scroll", () => reach(root), { passive: true });
  root.fitting = (event) => event.target !== root && fit(root);
  window.addEventListener("resize", root.fitting);
  document.addEventListener("scroll", root.fitting, { capture: true, passive: true });
}

function stopFitting(root) {
  if (!root.fitting) return;
  window.removeEventListener("resize", root.fitting);
  document.removeEventListener("scroll", root.fitting, { capture: true });
  root.fitting = undefined;
}

// What is to stay where it is when the pane is drawn anew: what is under the pointer, else what is
// seen first. The browser's own anchoring knows no pointer, and not every browser has one.
function anchorOf(root) {
  const pointed = [...root.querySelectorAll("[data-key]:hover")].pop();
  let found = pointed;
  if (!found && root.scrollTop > 0) {
    const pane = root.getBoundingClientRect();
    const edge = pane.top + (root.querySelector(".pane-sticky")?.offsetHeight ?? 0);
    found = [...root.querySelectorAll("[data-key]")].find(
      (each) => each.getBoundingClientRect().bottom > edge
        && getComputedStyle(each).position !== "sticky",
    );
  }
  return found && { element: found, top: found.getBoundingClientRect().top };
}

function hold(root, anchor) {
  if (anchor?.element.isConnected) {
    root.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
  }
  root.scrolled = root.scrollTop;
}

// A row at an end of those that were sent brings the next ones when the reader gets near it.
function reach(root) {
  const by = root.scrollTop - (root.scrolled ?? 0);
  root.scrolled = root.scrollTop;
  if (!by || root.reaching) return;
  const end = root.querySelector(`[data-reach="${by > 0 ? "down" : "up"}"]`);
  if (!end) return;
  const pane = root.getBoundingClientRect();
  const place = end.getBoundingClientRect();
  const isNear = by > 0 ? place.top < pane.bottom + NEAR : place.bottom > pane.top - NEAR;
  if (!isNear) return;
  root.reaching = true; // until more has come
  act(root, end);
}

// The pane scrolls, the page does not: `scrollIntoView` would move both.
function showKey(root, key) {
  const element = root.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (element) showElement(root, element);
}

function showElement(root, element) {
  const pane = root.getBoundingClientRect();
  const place = element.getBoundingClientRect();
  const sticky = root.querySelector(".pane-sticky")?.getBoundingClientRect().height ?? 0;
  const isSeen = place.top >= pane.top + sticky && place.bottom <= pane.bottom;
  if (!isSeen) root.scrollTop += place.top - pane.top - sticky - 8;
}

// A time that goes on, as that of a run that has not ended, goes on here.
function grow(root) {
  const all = [...root.querySelectorAll("[data-grows]")];
  for (const each of all) {
    if (each.told === each.dataset.grows) continue;
    each.told = each.dataset.grows;
    each.since = performance.now() - Number(each.told);
  }
  clearInterval(root.growing);
  if (!all.length) return;
  const tell = () => all.forEach((each) => {
    const ms = performance.now() - each.since;
    if (ms >= 1000) each.textContent = elapsed(ms);
  });
  tell();
  root.growing = setInterval(tell, 1000);
}

function writeAddress({ address, page, subject }) {
  const query = new URLSearchParams(address).toString();
  // Streamlit's own page may have been left already: then the address is not ours to write.
  const here = new URLSearchParams(location.search);
  if (subject.some((name) => (here.get(name) ?? address[name]) !== address[name])) return;
  if (!location.pathname.endsWith(`/${page}`)) return;
  if (query === location.search.slice(1)) return;
  history.replaceState(history.state, "", `${location.pathname}?${query}`);
}

function save(root, download) {
  if (root.saved === download.token) return;
  root.saved = download.token;
  const url = URL.createObjectURL(new Blob([download.text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = download.file_name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".pane-root");
  root.tell = (value) => setTriggerValue("act", value);
  if (!root.listens) {
    root.listens = true;
    listen(root);
  }
  if (root.html !== data.html) {
    root.html = data.html;
    const anchor = data.fits ? anchorOf(root) : null;
    morphChildren(root, parsed(data));
    if (data.fits) hold(root, anchor);
    root.reaching = false;
  }
  if (data.test_id) root.dataset.testid = data.test_id;
  grow(root);
  listenToKeys(root);
  if (data.fits) keepFitting(root);
  if (data.scroll !== root.scrolledTo) {
    root.scrolledTo = data.scroll;
    if (data.scroll) showKey(root, data.scroll);
  }
  if (data.address) writeAddress(data);
  if (data.download) save(root, data.download);
  return () => {
    stopFitting(root);
    stopListeningToKeys(root);
    clearInterval(root.growing);
  };
}
