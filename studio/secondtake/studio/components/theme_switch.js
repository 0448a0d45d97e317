// Streamlit reads the theme at start, from a key of its own for each page.
const KEYS = ["/", "/run"].map((path) => `stActiveTheme-${path}-v2`);
const CHOICES = [
  ["System", "contrast", "As the system has it"],
  ["Light", "light_mode", "Light"],
  ["Dark", "dark_mode", "Dark"],
];

function chosen() {
  try {
    return JSON.parse(localStorage.getItem(`stActiveTheme-${location.pathname}-v2`)) || "System";
  } catch {
    return "System";
  }
}

// Popovers are opened outside .stApp, whose colours they are to have.
function spreadScheme() {
  const app = document.querySelector(".stApp");
  if (app) document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme;
}

export default function ({ parentElement }) {
  const group = parentElement.querySelector(".switch");
  const now = chosen();
  spreadScheme();
  group.replaceChildren(
    ...CHOICES.map(([name, symbol, label]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = label;
      button.setAttribute("role", "radio");
      button.setAttribute("aria-label", label);
      button.setAttribute("aria-checked", String(name === now));
      const icon = document.createElement("span");
      icon.className = "icon";
      icon.setAttribute("aria-hidden", "true");
      icon.textContent = symbol;
      button.append(icon);
      button.addEventListener("click", () => {
        if (name === chosen()) return;
        for (const key of KEYS) localStorage.setItem(key, JSON.stringify(name));
        location.reload();
      });
      return button;
    }),
  );
  const system = matchMedia("(prefers-color-scheme: dark)");
  const followed = () => setTimeout(spreadScheme, 100);
  system.addEventListener("change", followed);
  return () => system.removeEventListener("change", followed);
}
