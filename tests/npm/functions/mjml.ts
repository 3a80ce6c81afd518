/** Turns MJML into HTML. */
import mjml2html from "npm:mjml@4.17.1";

export default () => {
  const text = "<mj-text>Hi</mj-text>";
  const { html, errors } = mjml2html(
    `<mjml><mj-body><mj-section><mj-column>${text}</mj-column></mj-section></mj-body></mjml>`,
  );
  return { hasText: html.includes("Hi"), errors };
};
