// The waterfall: rows of a tree with cost, time and bars. Only rows in view are in the document.
const ROW = 25; // as --row in the style
const OVERSCAN = 8;
const CHAR_PX = 6.4; // of a tick's text, about
const ICONS = {
  agent: "smart_toy", node: "crop_square", llm: "neurology", tool: "build",
  retriever: "manage_search", human: "person_raised_hand", other: "category",
};
const STEPS = [1, 2, 5];
const views = new WeakMap(); // by shadow root: folds, focus and scroll outlive a rerun

function make(tag, cls, text) {
  const made = document.createElement(tag);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  return made;
}

// A round number of milliseconds, at least `least`.
function round125(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([...STEPS, 10].find((step) => step * power >= least * 0.9999) ?? 10);
}

function roundTime(least) {
  if (least <= 1000) return round125(Math.max(least, 0.001));
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800];
  const found = seconds.find((each) => each * 1000 >= least);
  return found ? found * 1000 : round125(least / 3.6e6) * 3.6e6;
}

// A time on the axis: all ticks of an axis that reaches to `to` have one unit.
function tickText(at, step, to) {
  if (at === 0) return "0";
  const digits = (unit) => Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  if (to < 1000) return `${at.toFixed(digits(1))} ms`;
  if (to < 60000 || step < 1000) return `${(at / 1000).toFixed(digits(1000))} s`;
  const seconds = Math.round(at / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  if (hours) return step < 60000 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${hours}h ${two(minutes)}m`;
  if (!minutes) return `${seconds} s`;
  return step % 60000 ? `${minutes}m ${two(seconds % 60)}s` : `${minutes}m`;
}

class View {
  constructor(root) {
    this.root = root;
    this.folded = new Set();
    this.pool = new Map(); // drawn rows by span id
    this.selected = null;
    this.at = null; // span id of the row with the keyboard's focus
    this.zoom = null; // [start, end] in ms
    this.hover = null;
    this.clicks = Date.now();
    this.data = { rows: [] };
    this.build();
  }

  build() {
    this.head = make("div", "head");
    this.headStep = make("div", "h-step", "Step");
    this.chip = make("span", "chip", "simulated prices");
    this.chip.title = "Simulated models answered: no money was spent";
    this.headStep.append(this.chip);
    this.axis = make("div", "axis");
    this.axis.title = "Drag to zoom, double click to see all. Ctrl and the wheel zoom too.";
    this.head.append(
      this.headStep, make("div", "h-num", "Cost"), make("div", "h-num", "Time"), this.axis);
    this.body = make("div", "body");
    this.body.tabIndex = 0;
    this.body.setAttribute("role", "tree");
    this.body.setAttribute("aria-label", "Steps of the run");
    this.space = make("div", "space");
    this.space.setAttribute("role", "presentation");
    this.body.append(this.space);
    this.foot = make("div", "foot");
    this.root.replaceChildren(this.head, this.body, this.foot);
    this.body.addEventListener("scroll", () => this.later(), { passive: true });
    this.body.addEventListener("keydown", (event) => this.onKey(event));
    this.body.addEventListener("click", (event) => this.onClick(event));
    this.body.addEventListener("dblclick", (event) => this.onDouble(event));
    this.body.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.axis.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.axis.addEventListener("pointerdown", (event) => this.onDrag(event));
    this.axis.addEventListener("dblclick", () => this.setZoom(null));
    this.body.addEventListener("pointermove", (event) => (this.hover = this.rowOf(event)));
    this.body.addEventListener("pointerleave", () => {
      this.hover = null;
      if (this.data.running) this.later();
    });
    this.sized = new ResizeObserver(() => this.later());
    this.sized.observe(this.root);
    this.resized = () => this.later();
    addEventListener("resize", this.resized);
  }

  close() {
    this.sized.disconnect();
    clearInterval(this.growing);
    removeEventListener("resize", this.resized);
    cancelAnimationFrame(this.frame);
  }

  update({ shaped, told, news }, send) {
    this.send = send;
    if (shaped !== this.shaped) this.take(shaped);
    if (news !== this.news) {
      this.news = news;
      if (told !== this.selected) this.reveal(told);
      this.selected = told;
    }
    this.draw();
  }

  take(shaped) {
    const data = JSON.parse(shaped);
    const isOther = data.run !== this.data.run;
    const anchor = isOther ? null : this.anchor();
    this.shaped = shaped;
    this.data = data;
    if (isOther) {
      this.folded.clear();
      this.selected = this.at = this.zoom = this.hover = this.news = null;
      this.shownEnd = 0;
    }
    this.pool.forEach((drawn) => (drawn.row = null)); // their rows are to be filled anew
    this.takenAt = performance.now();
    this.endThen = data.end;
    this.open = data.running ? data.rows.filter((row) => row.flag === "running" || row.flag === "waiting") : [];
    this.opensThen = this.open.map((row) => row.end);
    clearInterval(this.growing);
    if (data.running) this.growing = setInterval(() => this.later(), 1000);
    this.indexById = new Map(data.rows.map((row, index) => [row.id, index]));
    this.subtreeEnds();
    this.see();
    this.drawFoot();
    this.fit();
    if (isOther) this.body.scrollTop = 0;
    else this.keep(anchor);
  }

  // For each row the index behind the last row below it.
  subtreeEnds() {
    const { rows } = this.data;
    this.ends = new Array(rows.length);
    const open = [];
    rows.forEach((row, index) => {
      while (open.length && rows[open[open.length - 1]].depth >= row.depth) {
        this.ends[open.pop()] = index;
      }
      open.push(index);
    });
    for (const index of open) this.ends[index] = rows.length;
  }

  hasBelow(index) {
    return this.ends[index] > index + 1;
  }

  // Which rows are seen: those that no fold hides.
  see() {
    const { rows } = this.data;
    this.seen = [];
    for (let index = 0; index < rows.length; ) {
      this.seen.push(index);
      index = this.folded.has(rows[index].id) ? this.ends[index] : index + 1;
    }
    this.places = new Map(this.seen.map((index, place) => [rows[index].id, place]));
    this.space.style.height = `${this.seen.length * ROW}px`;
  }

  // What must not move: the row under the pointer, else the end when it is in view, else the top row.
  anchor() {
    const { scrollTop, scrollHeight, clientHeight } = this.body;
    if (!this.seen?.length) return null;
    if (!this.hover && scrollTop > 0 && scrollTop + clientHeight >= scrollHeight - 2) return "end";
    const top = this.data.rows[this.seen[Math.floor(scrollTop / ROW)]]?.id;
    const id = this.hover && this.places.has(this.hover) ? this.hover : top;
    if (id === undefined || (scrollTop === 0 && !this.hover)) return null;
    return { id, offset: this.places.get(id) * ROW - scrollTop };
  }

  keep(anchor) {
    if (anchor === "end") this.body.scrollTop = this.body.scrollHeight;
    else if (anchor && this.places.has(anchor.id)) {
      this.body.scrollTop = this.places.get(anchor.id) * ROW - anchor.offset;
    }
  }

  // As high as its rows, within what the window has; a running run takes its room at once.
  fit() {
    const most = Math.max(10 * ROW, Math.floor((innerHeight * 0.56) / ROW) * ROW);
    const rows = this.seen.length * ROW;
    this.body.style.height = `${this.data.running ? most : Math.min(rows, most)}px`;
    const gutter = this.body.offsetWidth - this.body.clientWidth;
    this.head.style.setProperty("--gutter", `${gutter}px`);
  }

  // The end of the axis. While a run grows it moves in steps, and not under the pointer.
  axisEnd() {
    const { end, running } = this.data;
    if (!running) return end || 1;
    if (this.shownEnd < end && (!this.hover || !this.shownEnd)) this.shownEnd = roundTime(end * 1.25);
    return this.shownEnd || 1;
  }

  later() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  // What goes on grows between two looks of the page.
  grow() {
    if (!this.data.running) return;
    const ms = performance.now() - this.takenAt;
    this.data.end = this.endThen + ms;
    this.open.forEach((row, number) => {
      if (this.opensThen[number] !== undefined) row.end = this.opensThen[number] + ms;
    });
  }

  draw() {
    if (!this.seen) return;
    this.grow();
    this.fit();
    [this.from, this.to] = this.zoom ?? [0, this.axisEnd()];
    this.drawAxis();
    const first = Math.max(0, Math.floor(this.body.scrollTop / ROW) - OVERSCAN);
    const count = Math.ceil(this.body.clientHeight / ROW) + 2 * OVERSCAN;
    const wanted = this.seen.slice(first, first + count);
    const ids = new Set(wanted.map((index) => this.data.rows[index].id));
    for (const [id, drawn] of this.pool) {
      if (ids.has(id)) continue;
      drawn.element.remove();
      this.pool.delete(id);
    }
    wanted.forEach((index, offset) => this.drawRow(index, first + offset));
    const active = this.at !== null && this.pool.get(this.at);
    if (active) this.body.setAttribute("aria-activedescendant", active.element.id);
    else this.body.removeAttribute("aria-activedescendant");
  }

  drawRow(index, place) {
    const row = this.data.rows[index];
    let drawn = this.pool.get(row.id);
    if (!drawn) {
      drawn = makeRow();
      this.pool.set(row.id, drawn);
      this.space.append(drawn.element);
    }
    const { element } = drawn;
    if (drawn.row !== row) fillRow(drawn, row);
    const isFolded = this.folded.has(row.id);
    element.id = `row-${index}`;
    element.style.transform = `translateY(${place * ROW}px)`;
    element.classList.toggle("sel", row.id !== "" && row.id === this.selected);
    element.classList.toggle("at", row.id === this.at);
    element.setAttribute("aria-level", row.depth + 1);
    element.setAttribute("aria-selected", row.id === this.selected);
    if (this.hasBelow(index)) element.setAttribute("aria-expanded", !isFolded);
    else element.removeAttribute("aria-expanded");
    drawn.caret.textContent = this.hasBelow(index) ? (isFolded ? "chevron_right" : "expand_more") : "";
    if (this.open.includes(row) && row.end - row.start >= 1000) {
      drawn.time.textContent = elapsed(row.end - row.start);
    }
    this.drawBar(drawn, row);
  }

  drawBar(drawn, row) {
    const scale = (at) => ((at - this.from) / (this.to - this.from)) * 100;
    const place = (element, start, end) => {
      const left = Math.max(scale(start), -1);
      const right = Math.min(scale(end), 101);
      element.hidden = right < 0 || left > 100;
      element.style.left = `min(${left}%, calc(100% - 2px))`;
      element.style.width = `${Math.max(right - left, 0)}%`;
    };
    if (drawn.isRoot) return this.drawPath(drawn, place, scale);
    if (row.start === undefined) return void (drawn.bar.hidden = true);
    place(drawn.bar, row.start, row.end);
    if (row.first !== undefined) {
      drawn.first.style.width = `${(row.first / Math.max(row.end - row.start, 1e-9)) * 100}%`;
    }
  }

  // The root's bar: by kind what the run waited for. Pieces below half a pixel join the one before.
  drawPath(drawn, place, scale) {
    const least = 50 / Math.max(drawn.bars.clientWidth, 50);
    const pieces = [];
    for (const [kind, start, end] of this.data.path) {
      if (end < this.from || start > this.to) continue;
      const last = pieces[pieces.length - 1];
      if (last && scale(end) - scale(start) < least) last[2] = end;
      else pieces.push([kind, start, end]);
    }
    while (drawn.bars.childElementCount > pieces.length) drawn.bars.lastChild.remove();
    pieces.forEach(([kind, start, end], number) => {
      const piece = drawn.bars.children[number] ?? drawn.bars.appendChild(make("i"));
      piece.className = `piece k-${kind}`;
      place(piece, start, end);
    });
  }

  drawAxis() {
    const width = this.axis.clientWidth;
    this.root.classList.toggle("timeless", !this.data.end);
    this.chip.hidden = !this.data.simulated;
    if (!width || !this.data.end) return;
    const key = [this.from, this.to, width].join();
    if (key === this.axisKey) return;
    this.axisKey = key;
    const span = this.to - this.from;
    const step = this.stepOfAxis(width);
    const ticks = [];
    for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step) ticks.push(at);
    const percent = (at) => ((at - this.from) / span) * 100;
    this.axis.querySelectorAll(".tick").forEach((tick) => tick.remove());
    for (const at of ticks) {
      const left = percent(at);
      if ((100 - left) * width < 2200) continue; // its text would be cut
      const tick = make("span", left * width < 1500 ? "tick first" : "tick", tickText(at, step, this.to));
      tick.style.left = `${left}%`;
      this.axis.append(tick);
    }
    const lines = ticks.filter((at) => percent(at) > 0.5);
    this.root.style.setProperty("--grid", lines.length ? lines.map((at) =>
      `linear-gradient(var(--line),var(--line)) ${percent(at)}% 0/1px 100% no-repeat`).join() : "none");
  }

  // The smallest round step at which the texts of the ticks do not touch.
  stepOfAxis(width) {
    const span = this.to - this.from;
    let step = roundTime(span / Math.max(2, Math.floor(width / 38)));
    const room = () => (width * step) / span;
    const longest = () => Math.max(
      ...[this.from + step, this.to - step].map((at) => tickText(Math.round(at / step) * step, step, this.to).length));
    while (step < span && room() < longest() * CHAR_PX + 10) step = roundTime(step * 1.01);
    return step;
  }

  drawFoot() {
    const { rows, legend, foot } = this.data;
    const keys = make("span", "keys");
    const add = (kind, mark, word) => {
      const key = make("span", `key ${kind}`);
      key.append(make("i", mark), word);
      keys.append(key);
    };
    legend.forEach(({ kind, word, share }) => add(`k-${kind}`, "", share ? `${word} ${share}` : word));
    if (rows.some((row) => row.first !== undefined)) add("", "hatched", "first token");
    if (rows.some((row) => row.off && !row.sum)) add("", "faded", "off the path");
    const path = make("span", "path", foot);
    this.foot.title = keys.textContent ? `${foot}: ${[...keys.children].map((key) => key.textContent).join(" · ")}` : foot;
    this.foot.replaceChildren(path, ...(this.data.end ? [keys] : []));
    this.showZoom();
  }

  showZoom() {
    this.foot.querySelector(".zoomed")?.remove();
    if (!this.zoom) return;
    const button = make("button", "zoomed", "show all time");
    button.addEventListener("click", () => this.setZoom(null));
    this.foot.append(button);
  }

  rowOf(event) {
    const element = event.composedPath().find((each) => each.classList?.contains("row"));
    return element ? (this.data.rows[Number(element.id.slice(4))]?.id ?? null) : null;
  }

  reveal(id) {
    const index = this.indexById.get(id);
    if (index === undefined) return;
    let hidden = false;
    for (let above = index - 1, depth = this.data.rows[index].depth; above >= 0 && depth > 0; above--) {
      const row = this.data.rows[above];
      if (row.depth >= depth) continue;
      depth = row.depth;
      hidden = this.folded.delete(row.id) || hidden;
    }
    if (hidden) this.see();
    this.at = id;
    this.scrollTo(this.places.get(id));
  }

  scrollTo(place) {
    const top = place * ROW;
    const { scrollTop, clientHeight } = this.body;
    if (top < scrollTop) this.body.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.body.scrollTop = top + ROW - clientHeight;
  }

  select(id) {
    const chosen = id === "" ? null : id;
    this.selected = chosen;
    this.at = id ?? this.at;
    this.draw();
    this.send("sel", { id: chosen, click: ++this.clicks });
  }

  fold(id, isFolded) {
    if (isFolded === undefined) isFolded = !this.folded.has(id);
    if (isFolded) this.folded.add(id);
    else this.folded.delete(id);
    this.see();
    this.draw();
  }

  onClick(event) {
    const id = this.rowOf(event);
    if (id === null) return;
    const onCaret = event.composedPath()[0].classList?.contains("caret");
    if (onCaret && this.hasBelow(this.indexById.get(id))) {
      this.at = id;
      this.fold(id);
    } else this.select(id);
  }

  onDouble(event) {
    if (event.composedPath().some((each) => each.classList?.contains("bars"))) this.setZoom(null);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.seen.length) return;
    const place = this.places.get(this.at) ?? this.places.get(this.selected) ?? -1;
    const page = Math.max(1, Math.floor(this.body.clientHeight / ROW) - 1);
    const last = this.seen.length - 1;
    const moves = {
      ArrowDown: place + 1, j: place + 1, ArrowUp: place - 1, k: place - 1, Home: 0, End: last,
      PageDown: place + page, PageUp: place - page,
    };
    if (event.key in moves) this.moveTo(Math.max(0, Math.min(last, moves[event.key])));
    else if (event.key === "ArrowLeft" || event.key === "h") this.outwards(place);
    else if (event.key === "ArrowRight" || event.key === "l") this.inwards(place);
    else if ((event.key === "Enter" || event.key === " ") && place >= 0) {
      this.select(this.data.rows[this.seen[place]].id);
    } else if (event.key === "Escape" && this.selected !== null) this.select(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  moveTo(place) {
    this.at = this.data.rows[this.seen[place]].id;
    this.scrollTo(place);
    this.draw();
  }

  outwards(place) {
    const index = this.seen[place];
    if (index === undefined) return;
    const row = this.data.rows[index];
    if (this.hasBelow(index) && !this.folded.has(row.id)) return this.fold(row.id, true);
    for (let above = place - 1; above >= 0; above--) {
      if (this.data.rows[this.seen[above]].depth < row.depth) return this.moveTo(above);
    }
  }

  inwards(place) {
    const index = this.seen[place];
    if (index === undefined || !this.hasBelow(index)) return;
    if (this.folded.has(this.data.rows[index].id)) this.fold(this.data.rows[index].id, false);
    else this.moveTo(place + 1);
  }

  setZoom(zoom) {
    const end = this.axisEnd();
    if (zoom) {
      const least = Math.max(end / 1e6, 0.01);
      const from = Math.max(0, Math.min(zoom[0], end - least));
      const to = Math.min(end, Math.max(zoom[1], from + least));
      zoom = from <= 0 && to >= end ? null : [from, to];
    }
    this.zoom = zoom;
    this.showZoom();
    this.draw();
  }

  timeAt(event) {
    const { left, width } = this.axis.getBoundingClientRect();
    const part = Math.max(0, Math.min(1, (event.clientX - left) / width));
    return this.from + part * (this.to - this.from);
  }

  onWheel(event) {
    if (!event.ctrlKey || !this.data.end) return;
    event.preventDefault();
    const at = this.timeAt(event);
    const factor = Math.exp(Math.max(-1, Math.min(1, event.deltaY / 200)));
    this.setZoom([at - (at - this.from) * factor, at + (this.to - at) * factor]);
  }

  onDrag(event) {
    if (event.button !== 0 || !this.data.end) return;
    const start = this.timeAt(event);
    const brush = make("div", "brush");
    const scale = (at) => ((at - this.from) / (this.to - this.from)) * 100;
    const move = (moved) => {
      const ends = [start, this.timeAt(moved)].sort((a, b) => a - b);
      brush.style.left = `${scale(ends[0])}%`;
      brush.style.width = `${scale(ends[1]) - scale(ends[0])}%`;
    };
    const done = (ended) => {
      this.axis.removeEventListener("pointermove", move);
      this.axis.removeEventListener("pointerup", done);
      this.axis.removeEventListener("pointercancel", done);
      brush.remove();
      const ends = [start, this.timeAt(ended)].sort((a, b) => a - b);
      if (ended.type === "pointerup" && Math.abs(ended.clientX - event.clientX) > 4) this.setZoom(ends);
    };
    this.axis.setPointerCapture(event.pointerId);
    this.axis.append(brush);
    this.axis.addEventListener("pointermove", move);
    this.axis.addEventListener("pointerup", done);
    this.axis.addEventListener("pointercancel", done);
  }
}

function makeRow() {
  const element = make("div", "row");
  element.setAttribute("role", "treeitem");
  const drawn = {
    element, step: make("div", "step"), caret: make("span", "caret"), icon: make("span", "icon"),
    name: make("span", "name"), detail: make("span", "detail"), fault: make("span", "fault"),
    flag: make("span", "flag"), cost: make("div", "cost"), time: make("div", "time"),
    bars: make("div", "bars"), bar: make("i", "bar"), first: make("i", "first"),
  };
  for (const hidden of [drawn.caret, drawn.icon]) hidden.setAttribute("aria-hidden", "true");
  drawn.step.append(drawn.caret, drawn.icon, drawn.name, drawn.detail, drawn.fault, drawn.flag);
  element.append(drawn.step, drawn.cost, drawn.time, drawn.bars);
  return drawn;
}

const THIN = new Set(["node", "agent"]);
const FLAGS = { running: "running", waiting: "waits for a person" };

function fillRow(drawn, row) {
  drawn.row = row;
  drawn.isRoot = row.depth === 0 && row.kind === "agent";
  drawn.element.className = `row k-${row.kind}${row.sum ? " sum" : ""}`;
  fillStep(drawn, row);
  fillCost(drawn, row);
  drawn.time.textContent = row.time;
  if (drawn.isRoot) return;
  drawn.bar.className = "bar";
  drawn.bar.classList.toggle("thin", THIN.has(row.kind));
  drawn.bar.classList.toggle("off", Boolean(row.off) && !THIN.has(row.kind));
  drawn.bar.classList.toggle("failed", row.error !== undefined && !row.sum);
  drawn.bar.classList.toggle("open", row.flag === "running" || row.flag === "waiting");
  drawn.bar.replaceChildren(...(row.first === undefined ? [] : [drawn.first]));
  drawn.bars.replaceChildren(drawn.bar);
}

function fillStep(drawn, row) {
  const deep = Math.min(row.depth, 12);
  const guides = Array.from({ length: deep }, (_, level) =>
    `linear-gradient(var(--line),var(--line)) ${15 + level * 18}px 0/1px 100% no-repeat`);
  drawn.step.style.paddingLeft = `${8 + deep * 18}px`;
  drawn.step.style.setProperty("--guides", guides.join() || "none");
  drawn.icon.textContent = ICONS[row.kind];
  drawn.name.textContent = row.name;
  drawn.detail.textContent = row.detail ?? "";
  drawn.flag.className = `flag ${row.flag ?? ""}`;
  drawn.flag.textContent = row.flag ? (FLAGS[row.flag] ?? row.flag) : "";
  drawn.flag.hidden = !row.flag;
  drawn.fault.hidden = row.error === undefined;
  if (row.error !== undefined) {
    const icon = make("span", "icon", "error");
    icon.setAttribute("aria-hidden", "true");
    drawn.fault.replaceChildren(icon, make("span", "", row.error));
  }
  const said = [row.name, row.detail, row.error, row.flag, row.off && "off the critical path", row.tip];
  drawn.step.title = said.filter(Boolean).join("\n");
  drawn.bars.title = [row.time, row.off && "off the critical path", row.tip].filter(Boolean).join(" · ");
}

function fillCost(drawn, row) {
  const shown = make("b", "", row.cost ?? "");
  drawn.cost.className = row.simulated ? "cost made-up" : "cost";
  drawn.cost.title = [row.cost && row.simulated && "a simulated model's price", row.tip]
    .filter(Boolean).join(" · ");
  drawn.cost.replaceChildren(shown);
  if (!row.share) return;
  const tint = make("i");
  tint.style.width = `calc((100% - 6px) * ${row.share})`;
  drawn.cost.prepend(tint);
}

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".waterfall");
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
