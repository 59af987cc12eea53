// The reader's own zone: without this file times are in UTC, and say so.
"use strict";
{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const note of document.querySelectorAll("[data-zone]")) note.textContent = `Times are in ${zone.replaceAll("_", " ")}.`;
  for (const time of document.querySelectorAll("time[data-full]")) time.textContent = full.format(new Date(time.dateTime));
  const days = document.querySelector("[data-days]");
  if (days) {
    // Days begin elsewhere than in UTC: the lines are put under theirs again.
    const lines = [...days.querySelectorAll(".attempts > li")];
    days.replaceChildren();
    const names = { [day.format(new Date())]: "Today, ", [day.format(new Date(Date.now() - 864e5))]: "Yesterday, " };
    let last = "";
    let list;
    for (const line of lines) {
      for (const time of line.querySelectorAll(".when time")) time.textContent = clock.format(new Date(time.dateTime));
      const name = day.format(new Date(line.querySelector(".when time").dateTime));
      if (name !== last) {
        const head = document.createElement("h2");
        head.className = "day";
        head.textContent = (names[name] ?? "") + name;
        list = document.createElement("ul");
        list.className = "card attempts";
        days.append(head, list);
        last = name;
      }
      list.append(line);
    }
  }
}
