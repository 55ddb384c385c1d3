/** GraphiQL, as a user operates it. */
export class GraphiQL {
  constructor(page, origin) {
    this.page = page;
    this.origin = origin;
    this.runButton = page.getByRole('button', { name: /^(Execute query|Stop query)/ });
    this.status = page.locator('.status');
  }

  async open() {
    await this.page.goto(`${this.origin}/graphql`);
    await this.page.locator('.graphiql-query-editor .view-line').first().waitFor();
    // The button spins until the schema is loaded.
    await this.page.getByRole('button', { name: 'Re-fetch GraphQL schema' }).locator('svg:not(.graphiql-spin)').waitFor();
  }

  titles() {
    return this.page.locator('.examples-name').allTextContents();
  }

  async openExample(title) {
    const panel = this.page.getByRole('region', { name: 'Examples' });
    if (!(await panel.isVisible())) await this.page.getByRole('button', { name: 'Show Examples' }).click();
    await panel.locator('button', { has: this.page.getByText(title, { exact: true }) }).click();
  }

  /** Returns an editor's text: operation.graphql, variables.json, request-headers.json or response.json. */
  text(name) {
    return this.page.evaluate((name) => {
      const models = globalThis.__MONACO.editor.getModels();
      return models.find((model) => model.uri.path.endsWith(name)).getValue();
    }, name);
  }

  async json(name) {
    return JSON.parse((await this.text(name)) || 'null');
  }

  state() {
    return this.status.getAttribute('data-state');
  }

  /** Waits until the status line shows one of these states. */
  async until(...states) {
    await this.page.locator(states.map((state) => `.status[data-state=${state}]`).join(', ')).waitFor();
  }

  /** Runs the operation, and waits for the response or, for a subscription, the first message. */
  async run() {
    await this.runButton.click();
    await this.until('answered', 'live', 'ended', 'failed');
    await this.page.waitForFunction(() => !/waiting/i.test(document.querySelector('.status').textContent));
    // The status changes with the response's headers, before the body is shown.
    const shown = () => globalThis.__MONACO.editor.getModels().find((model) => model.uri.path.endsWith('response.json'))?.getValue();
    await this.page.waitForFunction(shown);
    return {
      state: await this.state(),
      status: await this.status.textContent(),
      variables: await this.json('variables.json'),
      response: await this.json('response.json'),
    };
  }

  async stop() {
    if (await this.page.getByRole('button', { name: 'Stop query' }).isVisible()) await this.runButton.click();
  }

  async setHeaders(headers) {
    await this.page.getByRole('button', { name: 'Headers', exact: true }).click();
    await this.page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden) .monaco-editor').click();
    await this.page.keyboard.insertText(JSON.stringify(headers));
  }
}
