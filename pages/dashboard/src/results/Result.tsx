/** A result, drawn by its type. The type of a plug-in is drawn from its data. */
import { href } from '../data/address';
import type { ResultPartsFragment } from '../data/gql/graphql';
import { tagParameter } from '../data/tags';
import { later } from '../ui/later';
import { Meter } from '../ui/Meter';
import { Generic } from './Generic';
import './results.css';

const Text = later(() => import('./Text'), 'The result');

export function Result({ result, scoreMeaning }: { result: ResultPartsFragment; scoreMeaning: string | null }) {
  return (
    <div class="card result" data-type={result.__typename}>
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
            <li key={index}>
              <a href={href('analyses', { tag: tagParameter(tag) })} title={`Analyses with the tag ${tag}`} dir="auto">
                {tag}
              </a>
            </li>
          ))}
        </ul>
      )}
      {result.__typename === 'TextResult' ? <Text result={result} /> : <Generic data={result.data} />}
    </div>
  );
}
