// A browser lets no page read another one from file://, so results of a search then have no excerpt.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

document.addEventListener("DOMContentLoaded", () => {
  // The arrows in the navigation are drawn only: say what they open.
  for (const arrow of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
    const name = arrow.closest("li").querySelector("a").textContent.trim();
    arrow.setAttribute("aria-label", `Pages of ${name}`);
  }
  // What is wider than its column can be scrolled: with the keyboard, too.
  const wide = document.querySelectorAll(".bd-article table, .bd-article .formula");
  const reach = () => {
    for (const box of wide) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", reach);
  reach();
});
