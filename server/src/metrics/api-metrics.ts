/** Figures of calls to the API. */
import type { Metrics } from '../support/metrics.ts';

/** How the composition root tells of calls to the API. */
export interface ApiMetrics {
  /** A call to the API was answered with that status. */
  apiAnswered(status: number): void;
}

/** Declares them. */
export function createApiMetrics({ metrics: { counter } }: { metrics: Metrics }): ApiMetrics {
  const answers = counter({
    name: 'tickwire_api_answers_total',
    help: 'Calls to the API by what they were answered: 2xx, 429 (too many), 4xx (refused for another reason), 5xx.',
    label: 'code',
    values: ['2xx', '4xx', '429', '5xx'],
  });

  return {
    apiAnswered: (status) => {
      if (status === 429) answers.add(1, '429');
      else answers.add(1, status >= 500 ? '5xx' : status >= 400 ? '4xx' : '2xx');
    },
  };
}
