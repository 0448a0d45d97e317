// Rows of fixed height; only those in sight are elements. All text by textContent, never as markup.
const ROW_PX = 32;
const OVERSCAN = 8;
const KEPT_COLUMNS = "secondtake.runs.columns";
const LEFT_AT = "secondtake.runs.left_at";

// Each: title, width in the grid, classes, and how its cell is filled.
const COLUMNS = {
  at: ["Started", "82px", "", (cell, row) => {
    cell.textContent = row.at;
    cell.title = row.at_tip;
    if (!row.known_start) cell.classList.add("faint");
  }],
  input: ["Input", "minmax(90px, 1.55fr)", "strong", text("input", "input_tip")],
  output: ["Output or error", "minmax(90px, 1.5fr)", "", (cell, row) => {
    cell.textContent = cell.title = row.output;
    cell.classList.add(row.tone);
  }],
  workflow: ["Workflow", "minmax(60px, .82fr)", "soft", text("workflow")],
  model: ["Model", "minmax(60px, .9fr)", "soft", text("model")],
  time: ["Time", "64px", "num", text("time")],
  cost: ["Cost", "76px", "num", (cell, row) => {
    cell.textContent = row.cost + row.cost_mark;
    if (row.cost_tip) cell.title = row.cost_tip;
    if (row.cost_mark || (row.cost === "—" && row.cost_tip)) {
      cell.prepend(symbol("money_off", "warn"));
    }
  }],
  tokens: ["Tokens", "58px", "num soft", text("tokens", "tokens_tip")],
  score: ["Score", "40px", "num", text("score", "score_tip")],
  tags: ["Tags", "minmax(112px, .95fr)", "chips", (cell, row) => {
    if (row.simulated) cell.append(chip("simulated", "simulated", row.cost_tip));
    const shown = row.simulated ? row.tags.slice(0, row.tags.length - 1) : row.tags;
    const hidden = row.more_tags + row.tags.length - shown.length;
    for (const tag of shown) cell.append(chip(tag, "tag", row.tags_tip));
    if (hidden) cell.append(chip(`+${hidden}`, "more", row.tags_tip));
  }],
  id: ["Run", "110px", "mono soft", (cell, row) => {
    cell.textContent = row.id.slice(0, 13);
    cell.title = row.id;
  }],
  name: ["Name", "minmax(60px, .8fr)", "soft", text("name")],
  session: ["Session", "minmax(60px, .8fr)", "soft", text("session")],
  user: ["User", "minmax(60px, .8fr)", "soft", text("user")],
  agent: ["Agent", "minmax(60px, .8fr)", "soft", text("agent")],
  source: ["Source", "minmax(60px, .8fr)", "soft", text("source")],
  llm_calls: ["LLM calls", "64px", "num soft", text("llm_calls")],
  tool_calls: ["Tool calls", "66px", "num soft", text("tool_calls")],
  errors: ["Errors", "50px", "num soft", text("errors")],
  avoided: ["Avoided", "76px", "num soft", text("avoided")],
};
const USUAL = ["at", "input", "output", "workflow", "model", "time", "cost", "tokens", "score", "tags"];

function text(name, tip) {
  return (cell, row) => {
    cell.textContent = row[name];
    const told = tip ? row[tip] : row[name];
    if (told && told !== "—") cell.title = told;
  };
}

function make(tag, classes, content) {
  const made = document.createElement(tag);
  made.className = classes;
  if (content !== undefined) made.textContent = content;
  return made;
}

function symbol(name, classes) {
  const made = make("span", `icon ${classes}`, name);
  made.setAttribute("aria-hidden", "true");
  return made;
}

function chip(content, classes, tip) {
  const made = make("span", `chip ${classes}`, content);
  made.title = tip || content;
  return made;
}

function keptColumns() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT_COLUMNS));
    const known = Array.isArray(kept) ? kept.filter((name) => name in COLUMNS) : [];
    return known.length ? known : USUAL;
  } catch {
    return USUAL;
  }
}

// Who comes back from a run finds its row where it was.
function leave(table, id) {
  const place = { list: table.list, at: id, top: table.body.scrollTop };
  sessionStorage.setItem(LEFT_AT, JSON.stringify(place));
}

function comeBack(table) {
  try {
    const place = JSON.parse(sessionStorage.getItem(LEFT_AT));
    if (place?.list !== table.list || !table.rows.some((row) => row.id === place.at)) return;
    table.at = place.at;
    table.body.scrollTop = place.top;
  } catch {
    // What another version has left is of no use.
  } finally {
    sessionStorage.removeItem(LEFT_AT);
  }
}

// What stays between the calls that Streamlit makes at every rerun lives on the root element.
function begin(root) {
  const head = make("div", "head");
  head.setAttribute("role", "row");
  const body = make("div", "body");
  body.tabIndex = 0;
  body.setAttribute("role", "grid");
  body.setAttribute("aria-label", "Runs; arrows move, Enter opens");
  const space = make("div", "space");
  body.append(space);
  const fresh = make("button", "fresh");
  fresh.type = "button";
  fresh.hidden = true;
  const menu = make("div", "menu");
  menu.hidden = true;
  const foot = make("div", "foot");
  root.replaceChildren(head, body, fresh, menu, foot);
  return {
    root, head, body, space, fresh, menu, foot,
    columns: keptColumns(), rows: [], waiting: null, at: null, inside: false, drawn: new Map(),
  };
}

function template(table) {
  return ["30px", ...table.columns.map((name) => COLUMNS[name][1])].join(" ");
}

function drawHead(table, again) {
  const cells = table.columns.map((name) => {
    const [title, , classes] = COLUMNS[name];
    const cell = make("span", classes.includes("num") ? "num" : "", title);
    cell.setAttribute("role", "columnheader");
    if (name === "at") cell.append(" ↓");
    return cell;
  });
  const choose = make("button", "choose");
  choose.type = "button";
  choose.title = "Choose columns";
  choose.setAttribute("aria-label", "Choose columns");
  choose.append(symbol("view_column", ""));
  choose.onclick = () => {
    table.menu.hidden = !table.menu.hidden;
    if (table.menu.hidden) return;
    drawMenu(table, again);
    table.menu.querySelector("input").focus();
  };
  table.head.style.gridTemplateColumns = template(table);
  table.head.replaceChildren(make("span", ""), ...cells, choose);
}

function drawMenu(table, again) {
  const boxes = Object.entries(COLUMNS).map(([name, [title]]) => {
    const label = make("label", "");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = table.columns.includes(name);
    box.onchange = () => {
      const chosen = Object.keys(COLUMNS).filter((each) =>
        each === name ? box.checked : table.columns.includes(each));
      table.columns = chosen.length ? chosen : USUAL;
      localStorage.setItem(KEPT_COLUMNS, JSON.stringify(table.columns));
      again();
    };
    label.append(box, title);
    return label;
  });
  const usual = make("button", "usual", "Usual columns");
  usual.type = "button";
  usual.onclick = () => {
    localStorage.removeItem(KEPT_COLUMNS);
    table.columns = USUAL;
    again();
    drawMenu(table, again);
  };
  table.menu.replaceChildren(...boxes, usual);
  table.menu.onkeydown = (event) => {
    if (event.key === "Escape") {
      table.menu.hidden = true;
      table.head.querySelector(".choose").focus();
    } else if (event.key in MENU_STEPS) {
      const places = [...table.menu.querySelectorAll("input, button")];
      const now = places.indexOf(table.menu.getRootNode().activeElement);
      const next = now + MENU_STEPS[event.key];
      places[Math.max(0, Math.min(next, places.length - 1))].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

function rowElement(table, row, place) {
  const element = make("a", "row");
  element.href = row.href;
  element.setAttribute("role", "row");
  element.setAttribute("aria-rowindex", String(place + 1));
  element.tabIndex = -1;
  element.draggable = false;
  element.dataset.id = row.id;
  element.style.transform = `translateY(${place * ROW_PX}px)`;
  element.style.gridTemplateColumns = template(table);
  const state = symbol(row.symbol, row.colour);
  if (row.spins) state.classList.add("spins");
  state.title = row.status;
  state.removeAttribute("aria-hidden");
  state.setAttribute("role", "img");
  state.setAttribute("aria-label", row.status);
  element.append(state);
  for (const name of table.columns) {
    const [, , classes, fill] = COLUMNS[name];
    const cell = make("span", `cell ${classes}`);
    cell.setAttribute("role", "gridcell");
    fill(cell, row);
    element.append(cell);
  }
  if (row.id === table.at) element.classList.add("at");
  return element;
}

function drawRows(table) {
  const { body, space, rows, drawn } = table;
  const first = Math.max(0, Math.floor(body.scrollTop / ROW_PX) - OVERSCAN);
  const last = Math.min(rows.length, Math.ceil((body.scrollTop + body.clientHeight) / ROW_PX) + OVERSCAN);
  const wanted = new Map();
  for (let place = first; place < last; place += 1) {
    const row = rows[place];
    const sign = `${place}|${table.columns}|${JSON.stringify(row)}`;
    const before = drawn.get(row.id);
    const element = before && before.sign === sign ? before.element : rowElement(table, row, place);
    element.classList.toggle("at", row.id === table.at);
    if (before && before.element !== element) before.element.replaceWith(element);
    else if (!before) space.append(element);
    wanted.set(row.id, { sign, element });
  }
  for (const [id, { element }] of drawn) if (!wanted.has(id)) element.remove();
  table.drawn = wanted;
}

// New rows push what is being read down: keep it in place, or hold them back under the pointer.
function take(table, data) {
  const known = new Set(table.rows.map((row) => row.id));
  const isOther = data.list !== table.list;
  const added = isOther ? 0 : data.rows.findIndex((row) => known.has(row.id));
  const busy = table.inside || table.body.matches(":focus") || table.body.scrollTop > 0;
  if (added > 0 && busy) {
    const byId = new Map(data.rows.map((row) => [row.id, row]));
    const seen = table.rows.map((row) => byId.get(row.id) ?? row);
    const tail = data.rows.slice(data.rows.findIndex((row) => row.id === seen.at(-1)?.id) + 1);
    table.waiting = data;
    table.rows = tail.length < data.rows.length ? [...seen, ...tail] : seen;
    table.fresh.textContent = `${added} new ${added === 1 ? "run" : "runs"}`;
    table.fresh.prepend(symbol("arrow_upward", ""));
  } else {
    table.waiting = null;
    table.rows = data.rows;
    if (isOther) {
      table.body.scrollTop = 0;
      table.at = null;
    }
  }
  table.list = data.list;
  table.fresh.hidden = !table.waiting;
}

function showWaiting(table) {
  if (!table.waiting) return;
  table.rows = table.waiting.rows;
  table.waiting = null;
  table.fresh.hidden = true;
}

function move(table, step) {
  const now = table.rows.findIndex((row) => row.id === table.at);
  const top = Math.ceil(table.body.scrollTop / ROW_PX);
  const next = now < 0 ? (step > 0 ? top : top) : now + step;
  const place = Math.max(0, Math.min(next, table.rows.length - 1));
  table.at = table.rows[place]?.id ?? null;
  const { body } = table;
  if (place * ROW_PX < body.scrollTop) body.scrollTop = place * ROW_PX;
  const below = (place + 1) * ROW_PX - body.clientHeight;
  if (below > body.scrollTop) body.scrollTop = below;
}

// The menu has two columns.
const MENU_STEPS = { ArrowDown: 2, ArrowUp: -2, ArrowRight: 1, ArrowLeft: -1, Home: -99, End: 99 };
const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 };

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".table");
  const table = (root.table ??= begin(root));
  const { body } = table;

  function fit() {
    const top = root.getBoundingClientRect().top + (document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0);
    const room = window.innerHeight - Math.max(top, 0) - 20 - 31 - 29;
    body.style.height = `${Math.max(Math.min(room, table.rows.length * ROW_PX), 6 * ROW_PX)}px`;
  }
  function again() {
    table.space.style.height = `${table.rows.length * ROW_PX}px`;
    drawHead(table, again);
    table.drawn.forEach(({ element }) => element.remove());
    table.drawn = new Map();
    drawRows(table);
  }
  function open(id) {
    const row = table.rows.find((each) => each.id === id);
    if (!row || table.left) return;
    table.left = true;
    table.drawn.get(id)?.element.classList.add("opening");
    leave(table, id);
    go(row.href);
  }
  function askForMore() {
    const left = body.scrollHeight - body.scrollTop - body.clientHeight;
    if (table.left || !data.more || left > 20 * ROW_PX || table.asked === data.rows.length) return;
    table.asked = data.rows.length;
    setTriggerValue("more", data.rows.length);
  }

  const isFirst = table.list === undefined;
  const isOther = data.list !== table.list;
  take(table, data);
  if (isOther) table.asked = null;
  table.space.style.height = `${table.rows.length * ROW_PX}px`;
  if (!table.head.childElementCount) drawHead(table, again);
  fit();
  if (isFirst) comeBack(table);
  drawRows(table);
  table.foot.replaceChildren(
    make("span", "", data.counted),
    make("span", "keys", "j k move · Enter opens · / searches"),
  );

  let frame = 0;
  body.onscroll = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      drawRows(table);
      askForMore();
    });
  };
  body.onclick = (event) => {
    const row = event.target.closest(".row");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    table.at = row.dataset.id;
    drawRows(table);
    open(row.dataset.id);
  };
  body.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) move(table, STEPS[event.key]);
    else if (event.key === "Enter" && table.at) open(table.at);
    else return;
    drawRows(table);
    event.preventDefault();
    event.stopPropagation();
  };
  root.onpointerenter = () => { table.inside = true; };
  root.onpointerleave = () => {
    table.inside = false;
    if (body.scrollTop === 0) {
      showWaiting(table);
      again();
    }
  };
  table.fresh.onclick = () => {
    showWaiting(table);
    body.scrollTop = 0;
    again();
  };

  function pressed(event) {
    const field = event.composedPath()[0];
    if (event.key === "Escape" && field?.matches?.(".st-key-runs_q input")) {
      body.focus({ preventScroll: true });
      return;
    }
    const inField = field?.matches?.("input, textarea, select, [contenteditable]");
    if (inField || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "/") document.querySelector(".st-key-runs_q input")?.focus();
    else if (event.key === "j" || event.key === "k") {
      body.focus({ preventScroll: true });
      move(table, STEPS[event.key]);
      drawRows(table);
    } else if (event.key === "Escape" && !table.menu.hidden) table.menu.hidden = true;
    else return;
    event.preventDefault();
  }
  function pointed(event) {
    const path = event.composedPath();
    if (!path.includes(table.menu) && !path.some((each) => each.className === "choose")) {
      table.menu.hidden = true;
    }
  }
  function resized() {
    fit();
    drawRows(table);
  }
  document.addEventListener("keydown", pressed);
  document.addEventListener("pointerdown", pointed);
  window.addEventListener("resize", resized);
  return () => {
    document.removeEventListener("keydown", pressed);
    document.removeEventListener("pointerdown", pointed);
    window.removeEventListener("resize", resized);
  };
}
