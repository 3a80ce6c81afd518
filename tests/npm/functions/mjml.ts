/** Turns MJML into HTML. An empty `filePath` says that there are no files to include. */
import mjml2html from "npm:mjml@4.17.1";

export default () => {
  const text = "<mj-text>Hi</mj-text>";
  const { html, errors } = mjml2html(
    `<mjml><mj-body><mj-section><mj-column>${text}</mj-column></mj-section></mj-body></mjml>`,
    { filePath: "" },
  );
  return { hasText: html.includes("Hi"), errors };
};
