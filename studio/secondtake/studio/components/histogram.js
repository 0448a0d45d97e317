export default function ({ parentElement, data, setTriggerValue }) {
  const group = parentElement.querySelector(".bars");
  const bars = data.bars;
  let at = Math.min(group.place ?? bars.length - 1, bars.length - 1);

  const columns = bars.map((bar, place) => {
    const column = document.createElement("div");
    column.className = bar.label ? "column labelled" : "column";
    column.title = bar.tip;
    if (bar.label) column.dataset.label = bar.label;
    if (bar.height > 0) {
      const all = document.createElement("i");
      all.style.height = `${Math.max(bar.height * 40, 2)}px`;
      column.append(all);
    }
    if (bar.failed > 0) {
      const failed = document.createElement("b");
      failed.style.height = `${Math.max(bar.failed * 40, 3)}px`;
      column.append(failed);
    }
    column.addEventListener("click", () => setTriggerValue("window", place));
    return column;
  });
  group.replaceChildren(...columns);

  function mark(place) {
    at = Math.max(0, Math.min(place, columns.length - 1));
    group.place = at;
    columns.forEach((column, each) => column.classList.toggle("at", each === at));
    group.setAttribute("aria-valuetext", bars[at]?.tip ?? "");
  }
  if (group.matches(":focus")) mark(at);

  group.onfocus = () => mark(at);
  group.onblur = () => columns.forEach((column) => column.classList.remove("at"));
  group.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) mark(at + step);
    else if (event.key === "Enter" || event.key === " ") setTriggerValue("window", at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}
