export default function ({ parentElement, data, setTriggerValue }) {
  const find = parentElement.querySelector(".find");
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
  find.onkeydown = (event) => event.stopPropagation();
  draw();
  lists.scrollTop = scrolled;
}
