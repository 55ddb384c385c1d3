/** The result of the text analyzer. */
import { count, duration } from '../data/clock';
import type { ResultPartsFragment } from '../data/gql/graphql';
import { sentence, words } from '../ui/words';
import { Bars, Part, percent, signed } from './parts';

type TextResult = Extract<ResultPartsFragment, { __typename: 'TextResult' }>;

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

export default function Text({ result }: { result: TextResult }) {
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
                <strong>{sentence(each.operation)}</strong>: <bdi>{each.message}</bdi>
              </li>
            ))}
          </ul>
        </Part>
      )}
    </>
  );
}
