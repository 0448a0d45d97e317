// The filters open in a panel at the end of the document: who opens it by keys is led there, and
// led back when it closes.
function leadIn(inside) {
  const panel = inside.getRootNode().host?.closest("[data-testid=stPopoverBody]");
  const opener = document.activeElement;
  if (!panel || !opener?.closest(".st-key-runs_filter") || panel.contains(opener)) return;
  panel.querySelector("button, input")?.focus({ preventScroll: true });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") setTimeout(() => opener.isConnected && opener.focus(), 150);
  });
}

export default function ({ parentElement, data, setTriggerValue }) {
  const find = parentElement.querySelector(".find");
  if (!find.led) leadIn(find);
  find.led = true;
  const lists = parentElement.querySelector(".lists");
  const scrolled = lists.scrollTop;

  function draw() {
    const words = find.value.trim().toLowerCase();
    const drawn = [];
    for (const facet of data.facets) {
      const values = facet.values.filter(({ label }) => label.toLowerCase().includes(words));
      if (!values.length) continue;
      const title = document.createElement("h4");
      title.textContent = facet.title;
      drawn.push(title);
      for (const { value, label, runs, chosen } of values) {
        const button = document.createElement("button");
        button.type = "button";
        button.setAttribute("role", "checkbox");
        button.setAttribute("aria-checked", String(chosen));
        button.title = label;
        const mark = document.createElement("span");
        mark.className = "icon";
        mark.setAttribute("aria-hidden", "true");
        mark.textContent = chosen ? "check" : "";
        const name = document.createElement("span");
        name.className = "name";
        name.textContent = label;
        const number = document.createElement("span");
        number.className = "runs";
        number.textContent = runs;
        button.append(mark, name, number);
        button.onclick = () => setTriggerValue("pick", { facet: facet.name, value });
        drawn.push(button);
      }
    }
    if (!drawn.length) {
      const none = document.createElement("p");
      none.textContent = "No run has such a value.";
      drawn.push(none);
    }
    lists.replaceChildren(...drawn);
  }
  find.oninput = draw;
  find.onkeydown = (event) => {
    if (event.key !== "Escape") event.stopPropagation();
  };
  draw();
  lists.scrollTop = scrolled;
}
