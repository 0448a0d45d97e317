export default function ({ parentElement, data, setTriggerValue }) {
  const row = parentElement.querySelector(".row");
  const chips = data.chips.map(({ name, text }, place) => {
    const chip = document.createElement("span");
    chip.className = "chip";
    chip.setAttribute("role", "listitem");
    chip.title = `${name}: ${text}`;
    const title = document.createElement("span");
    title.className = "title";
    title.textContent = name;
    const value = document.createElement("span");
    value.className = "value";
    value.textContent = text;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.setAttribute("aria-label", `Take the filter away: ${name} ${text}`);
    remove.textContent = "×";
    remove.onclick = () => setTriggerValue("remove", place);
    chip.append(title, value, remove);
    return chip;
  });
  const clear = document.createElement("button");
  clear.type = "button";
  clear.className = "clear";
  clear.textContent = "Clear all";
  clear.onclick = () => setTriggerValue("clear", true);
  row.replaceChildren(...chips, clear);
}
