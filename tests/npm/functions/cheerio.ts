/** Reads a page by selectors and changes it. */
import * as cheerio from "npm:cheerio@1.2.0";

export default function main() {
  const $ = cheerio.load(`<ul><li class="a">Ada</li><li>Bob <b>&amp; co</b></li></ul>`);
  $("li").first().addClass("first");
  return {
    names: $("li").map((_, element) => $(element).text()).get(),
    html: $.html("li.first"),
  };
}
