// The graph of a workflow: cards above an SVG of curves, both placed by Python.
const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  agent: "smart_toy", node: "crop_square", llm: "neurology", tool: "build",
  retriever: "manage_search", human: "person_raised_hand", python: "code", workflow: "account_tree",
};
const MARKS = { failed: "error", running: "progress_activity", waiting: "pause_circle" };
const LEAST_SCALE = 0.72; // below, the drawing is scrolled instead
const views = new WeakMap();

function make(tag, cls, text) {
  const made = document.createElement(tag);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function symbol(name, cls) {
  const made = make("span", `icon ${cls}`, name);
  made.setAttribute("aria-hidden", "true");
  return made;
}

function place(element, { x, y, width, height }) {
  element.style.transform = `translate(${x}px, ${y}px)`;
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
}

function card(node, select) {
  if (node.state === "terminal") {
    const terminal = make("div", "terminal", node.name);
    place(terminal, node);
    return terminal;
  }
  const made = make("button", `card ${node.state}`);
  made.type = "button";
  made.title = node.tip;
  made.dataset.node = node.id;
  place(made, node);
  const name = make("span", "name");
  if (node.prefix) name.append(make("span", "prefix", node.prefix));
  name.append(make("span", "last", node.name));
  const top = make("span", "top");
  top.append(symbol(ICONS[node.kind] ?? ICONS.node, `k-${node.kind in ICONS ? node.kind : "node"}`), name);
  if (MARKS[node.state]) top.append(symbol(MARKS[node.state], `mark ${node.state}`));
  const facts = make("span", "facts");
  if (node.fault) facts.append(make("span", "fault", node.fault), node.facts ? " · " : "");
  facts.append(node.facts);
  made.append(top, facts);
  made.addEventListener("click", () => select(node.id));
  return made;
}

function label(edge) {
  const made = make("div", `label ${edge.state}`);
  made.title = edge.tip;
  if (edge.label) made.append(make("span", "words", edge.label));
  if (edge.count) made.append(make("span", "count", edge.count));
  made.style.left = `${edge.x}px`;
  made.style.top = `${edge.y}px`;
  made.style.maxWidth = `${edge.room}px`;
  return made;
}

function curve(edge) {
  const made = draw("path", { d: edge.path, class: `edge ${edge.state}`, "marker-end": `url(#${edge.state})` });
  const title = draw("title", {});
  title.textContent = edge.tip;
  made.append(title);
  return made;
}

function arrowheads() {
  const defs = draw("defs", {});
  for (const state of ["taken", "unused", "unknown"]) {
    const marker = draw("marker", {
      id: state, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8,
      markerUnits: "userSpaceOnUse", orient: "auto",
    });
    marker.append(draw("path", { d: "M0 0.6L7.4 4L0 7.4z", class: `head ${state}` }));
    defs.append(marker);
  }
  return defs;
}

class View {
  constructor(root) {
    this.root = root;
    this.selected = null;
    this.clicks = Date.now();
    this.paper = make("div", "paper");
    this.root.replaceChildren(this.paper);
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Workflow, with what was taken");
    this.sized = new ResizeObserver(() => this.fit());
    this.sized.observe(root);
  }

  close() {
    this.sized.disconnect();
  }

  update({ shaped, told, news }, send) {
    this.send = send;
    if (shaped !== this.shaped) {
      this.shaped = shaped;
      this.take(JSON.parse(shaped));
    }
    if (news !== this.news) {
      this.news = news;
      this.selected = told;
    }
    this.mark();
  }

  take(drawing) {
    const focused = this.root.getRootNode().activeElement?.dataset?.node;
    if (drawing.run !== this.drawing?.run) this.selected = this.news = null;
    this.drawing = drawing;
    const { width, height } = drawing;
    const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const ranks = { unused: 0, unknown: 1, taken: 2 };
    const edges = [...drawing.edges].sort((a, b) => ranks[a.state] - ranks[b.state]);
    svg.append(arrowheads(), ...edges.map(curve));
    const boxes = drawing.boxes.map((box) => {
      const made = make("div", "box");
      place(made, box);
      return made;
    });
    this.paper.replaceChildren(
      ...boxes, svg,
      ...drawing.edges.filter((edge) => edge.label || edge.count).map(label),
      ...drawing.nodes.map((node) => card(node, (id) => this.select(id))),
    );
    if (focused !== undefined) {
      [...this.paper.querySelectorAll(".card")].find((each) => each.dataset.node === focused)?.focus();
    }
    this.fit();
  }

  // Centred, and a little smaller where the pane is narrow.
  fit() {
    if (!this.drawing) return;
    const { width, height } = this.drawing;
    const room = this.root.clientWidth;
    if (!room) return;
    const scale = Math.max(LEAST_SCALE, Math.min(1, room / width));
    this.paper.style.width = `${width}px`;
    this.paper.style.height = `${height}px`;
    this.paper.style.transform = `scale(${scale})`;
    this.paper.style.marginLeft = `${Math.max(0, (room - width * scale) / 2)}px`;
    this.paper.style.marginRight = `${-(1 - scale) * width}px`;
    this.paper.style.marginBottom = `${-(1 - scale) * height}px`;
  }

  mark() {
    for (const each of this.paper.querySelectorAll(".card")) {
      const isSelected = each.dataset.node === this.selected;
      each.classList.toggle("sel", isSelected);
      each.setAttribute("aria-pressed", isSelected);
    }
  }

  select(id) {
    this.selected = id;
    this.mark();
    this.send("sel", { id, click: ++this.clicks });
  }
}

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".graph");
  let view = views.get(parentElement);
  if (view?.root !== root) {
    view?.close();
    view = new View(root);
    views.set(parentElement, view);
  }
  view.update(data, setStateValue);
  return () => {
    views.get(parentElement)?.close();
    views.delete(parentElement);
  };
}
