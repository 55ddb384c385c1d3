/** A result, drawn by its type. An unknown type is shown with the fields of AnalysisResult and as JSON. */
import type { ComponentChildren } from 'preact';
import { count, duration } from './clock';
import type { AnyResult, TextResult } from './operations';
import { Meter, sentence, words } from './ui';

const percent = (value: number) => `${Math.round(value * 100)} %`;
const signed = (value: number) => `${value > 0 ? '+' : ''}${value.toFixed(2)}`.replace('-', '−');

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="part">
      <h4>{title}</h4>
      {children}
    </section>
  );
}

function Sentiment({ of }: { of: NonNullable<TextResult['sentiment']> }) {
  return (
    <Part title="Sentiment">
      <p>
        <strong>{sentence(of.label)}</strong> <span class="quiet">{signed(of.score)} on a scale from −1 to 1</span>
      </p>
      <div class="scale" role="img" aria-label={`Sentiment ${signed(of.score)} on a scale from −1 to 1`}>
        <span class="scale-track" />
        <span class="scale-mark" data-label={of.label} style={{ left: `${((of.score + 1) / 2) * 100}%` }} />
        <span class="scale-end">−1</span>
        <span class="scale-middle">0</span>
        <span class="scale-end right">1</span>
      </div>
      <p class="quiet">
        {percent(of.positive)} of the words positive, {percent(of.negative)} negative, {percent(of.neutral)} neutral
      </p>
    </Part>
  );
}

function Bars({ rows }: { rows: { label: string; value: number; note: string }[] }) {
  return (
    <table class="bars">
      <tbody>
        {rows.map((row, index) => (
          <tr key={index}>
            <th scope="row" dir="auto">
              {row.label}
            </th>
            <td>
              <Meter value={row.value} label={percent(row.value)} />
            </td>
            <td class="number quiet">{row.note}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function figure(name: string, value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (name === 'readingTimeSeconds') return duration(Number(value));
  if (typeof value === 'number') return Number.isInteger(value) ? count(value) : value.toFixed(2);
  return typeof value === 'string' && /^[A-Z_]+$/.test(value) ? words(value) : String(value);
}

function named(name: string): string {
  if (name === 'readingTimeSeconds') return 'Reading time';
  const text = name.replace(/([A-Z])/g, ' $1').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function Statistics({ of }: { of: Record<string, unknown> }) {
  const { readability, ...rest } = of;
  const rows = Object.entries({ ...rest, ...(readability as Record<string, unknown> | null) }).filter(([name]) => name !== '__typename');
  return (
    <Part title="Statistics">
      <table class="figures">
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{named(name)}</th>
              <td class="number">{figure(name, value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Part>
  );
}

function isText(result: AnyResult | TextResult): result is TextResult {
  return result.__typename === 'TextResult';
}

function Text({ result }: { result: TextResult }) {
  const { sentiment, language, keywords, topics, entities, textSummary, statistics, unavailable } = result;
  return (
    <>
      {sentiment && <Sentiment of={sentiment} />}
      {language && (
        <Part title="Language">
          <p>
            <strong>{language.name}</strong>{' '}
            <span class="quiet">
              {language.code}, {percent(language.score)}
              {!language.reliable && ', not reliable'}
            </span>
          </p>
          {language.candidates.length > 1 && (
            <Bars rows={language.candidates.slice(0, 4).map((each) => ({ label: each.name, value: each.score, note: percent(each.score) }))} />
          )}
        </Part>
      )}
      {keywords && (
        <Part title="Keywords">
          {keywords.length ? (
            <Bars rows={keywords.map((each) => ({ label: each.text, value: each.score, note: `${each.score.toFixed(2)} · ${count(each.count)}×` }))} />
          ) : (
            <p class="quiet">None.</p>
          )}
        </Part>
      )}
      {textSummary && (
        <Part title="Summary of the text">
          <blockquote dir="auto">{textSummary.text}</blockquote>
        </Part>
      )}
      {topics && (
        <Part title="Topics">
          <Bars rows={topics.map((each) => ({ label: each.label, value: each.share, note: percent(each.share) }))} />
        </Part>
      )}
      {entities && (
        <Part title="Entities">
          {entities.length ? (
            <ul class="entities">
              {entities.slice(0, 100).map((each, index) => (
                <li key={index}>
                  <span dir="auto">{each.text}</span> <span class="quiet">{words(each.type)}</span>
                  {each.count > 1 && <span class="quiet"> {count(each.count)}×</span>}
                </li>
              ))}
              {entities.length > 100 && <li class="quiet">and {count(entities.length - 100)} more, in the JSON</li>}
            </ul>
          ) : (
            <p class="quiet">None found.</p>
          )}
        </Part>
      )}
      {statistics && <Statistics of={statistics} />}
      {unavailable.length > 0 && (
        <Part title="Not available">
          <ul class="unavailable">
            {unavailable.map((each, index) => (
              <li key={index}>
                <strong>{sentence(each.operation)}</strong>: {each.message}
              </li>
            ))}
          </ul>
        </Part>
      )}
    </>
  );
}

export function Result({ result, scoreMeaning }: { result: AnyResult | TextResult; scoreMeaning: string | null }) {
  return (
    <div class="result" data-type={result.__typename}>
      <h3>Result</h3>
      <p class="summary" dir="auto">
        {result.summary}
      </p>
      {result.score !== null && (
        <p class="score">
          <span>Score</span> <Meter value={result.score} label={`Score ${result.score.toFixed(2)} of 1`} /> <b>{result.score.toFixed(2)}</b>
          {scoreMeaning && <span class="quiet">{scoreMeaning}</span>}
        </p>
      )}
      {result.tags.length > 0 && (
        <ul class="tags" aria-label="Tags">
          {result.tags.map((tag, index) => (
            <li key={index} dir="auto">
              {tag}
            </li>
          ))}
        </ul>
      )}
      {isText(result) && <Text result={result} />}
      <details open={!isText(result)}>
        <summary>JSON</summary>
        <pre class="json">{JSON.stringify(result.data, null, 2)}</pre>
      </details>
    </div>
  );
}
