/** Makes a document, and finds its elements. */
import { JSDOM } from "npm:jsdom@27.2.0";

export default () => {
  const { document } = new JSDOM("<p>Hello</p><ul><li>a</li><li>b</li></ul>").window;
  return {
    text: document.querySelector("p").textContent,
    items: document.querySelectorAll("li").length,
  };
};
