// Tells Python that there is news, once for each number. Draws nothing.

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".news");
  if (data.news === 0 || root.told === data.news) return;
  root.told = data.news;
  setTriggerValue("news", data.news);
}
