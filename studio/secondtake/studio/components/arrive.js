// Goes to another page once, as if its link had been clicked.

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".arrive");
  if (root.went === data.token) return;
  root.went = data.token;
  if (location.pathname.endsWith(`/${data.from}`)) go(data.address);
}
