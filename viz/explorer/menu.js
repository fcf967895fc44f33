// On a narrow screen the menu lies over the page: once a page has been chosen, it makes room.
const NARROW = 768;
let shown;

export default function ({ data }) {
  if (shown !== undefined && data.page !== shown && innerWidth <= NARROW) {
    document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
  }
  shown = data.page;
}
