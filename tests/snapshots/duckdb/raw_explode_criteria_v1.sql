WITH documents AS (
  SELECT
    "unified"."tenant_id" AS "tenant_id",
    "unified"."day" AS "day",
    "unified"."call_id" AS "call_id",
    "unified"."call_started_at" AS "call_started_at",
    "unified"."language_code" AS "language_code",
    "unified"."queue" AS "queue",
    "unified"."direction" AS "direction",
    "unified"."channel" AS "channel",
    "unified"."agent" AS "agent",
    "unified"."qa_evaluation" AS "qa_evaluation",
    "unified"."qa_template_version" AS "qa_template_version"
  FROM unified
  WHERE
    NOT "unified"."call_id" IS NULL
), exploded AS (
  SELECT
    "documents"."tenant_id" AS "tenant_id",
    "documents"."day" AS "day",
    "documents"."call_id" AS "call_id",
    "documents"."call_started_at" AS "call_started_at",
    "documents"."language_code" AS "language_code",
    "documents"."queue" AS "queue",
    "documents"."direction" AS "direction",
    "documents"."channel" AS "channel",
    STRUCT_EXTRACT("documents"."agent", 'agent_id') AS "agent_id",
    STRUCT_EXTRACT("documents"."agent", 'name') AS "agent_name",
    STRUCT_EXTRACT("documents"."agent", 'team') AS "agent_team",
    STRUCT_EXTRACT("documents"."qa_evaluation", 'template_id') AS "template_id",
    CASE
      WHEN REGEXP_FULL_MATCH(
        COALESCE(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'template_version'),
          "documents"."qa_template_version"
        ),
        ' *[+-]?[0-9]+ *'
      )
      THEN TRY_CAST(COALESCE(
        STRUCT_EXTRACT("documents"."qa_evaluation", 'template_version'),
        "documents"."qa_template_version"
      ) AS BIGINT)
    END AS "template_version",
    STRUCT_EXTRACT("documents"."qa_evaluation", 'outcome') AS "reported_outcome",
    "criteria"."criterion_id" AS "criterion_id",
    "criteria"."position" AS "position",
    "criteria"."question" AS "question",
    "criteria"."passed" AS "passed",
    COALESCE(
      "criteria"."verdict",
      CASE
        WHEN "criteria"."passed"
        THEN 'pass'
        WHEN NOT "criteria"."passed"
        THEN 'fail'
        ELSE 'unscored'
      END
    ) AS "verdict",
    "criteria"."score" AS "score",
    "criteria"."weight" AS "weight",
    "criteria"."required" AS "required",
    "criteria"."reason" AS "reason",
    "criteria"."evaluator" AS "evaluator"
  FROM documents
  CROSS JOIN LATERAL (
    SELECT
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'id')
        )
      ),
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'question')
        )
      ),
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'verdict')
        )
      ),
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'passed')
        )
      ),
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'score')
        )
      ),
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'weight')
        )
      ),
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'required')
        )
      ),
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'reason')
        )
      ),
      UNNEST(
        LIST_TRANSFORM(
          STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
          LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'evaluator')
        )
      ),
      UNNEST(
        GENERATE_SERIES(
          1,
          GREATEST(
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'id')
              )
            ),
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'question')
              )
            ),
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'verdict')
              )
            ),
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'passed')
              )
            ),
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'score')
              )
            ),
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'weight')
              )
            ),
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'required')
              )
            ),
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'reason')
              )
            ),
            LEN(
              LIST_TRANSFORM(
                STRUCT_EXTRACT("documents"."qa_evaluation", 'criteria'),
                LAMBDA "lambda c" : STRUCT_EXTRACT("lambda c", 'evaluator')
              )
            )
          )
        )
      )
  ) AS criteria(criterion_id, question, verdict, passed, score, weight, required, reason, evaluator, position)
)
SELECT
  "exploded"."tenant_id" AS "tenant_id",
  CAST(STRPTIME("exploded"."day", '%Y/%m/%d') AS DATE) AS "call_date",
  "exploded"."day" AS "day",
  "exploded"."call_id" AS "call_id",
  CAST((
    TRY(
      CASE
        WHEN REGEXP_FULL_MATCH(
          REGEXP_REPLACE(
            REGEXP_REPLACE(
              REGEXP_REPLACE(
                REGEXP_REPLACE(
                  REGEXP_REPLACE("exploded"."call_started_at", '^([0-9]{4})$', '\1-01-01'),
                  '^([0-9]{4}-[0-9]{2})$',
                  '\1-01'
                ),
                '^([0-9]{4}-[0-9]{2}-[0-9]{2})T?$',
                '\1T00:00'
              ),
              '^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2})(Z|[+-][0-9]{2}:?[0-9]{2})?$',
              '\1:00\2'
            ),
            '^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+[.][0-9]{3})[0-9]+(Z|[+-][0-9]{2}:?[0-9]{2})?$',
            '\1\2'
          ),
          '[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?'
        )
        THEN TRY_CAST(REGEXP_REPLACE(
          REGEXP_REPLACE(
            REGEXP_REPLACE(
              REGEXP_REPLACE(
                REGEXP_REPLACE("exploded"."call_started_at", '^([0-9]{4})$', '\1-01-01'),
                '^([0-9]{4}-[0-9]{2})$',
                '\1-01'
              ),
              '^([0-9]{4}-[0-9]{2}-[0-9]{2})T?$',
              '\1T00:00'
            ),
            '^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2})(Z|[+-][0-9]{2}:?[0-9]{2})?$',
            '\1:00\2'
          ),
          '^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+[.][0-9]{3})[0-9]+(Z|[+-][0-9]{2}:?[0-9]{2})?$',
          '\1\2'
        ) AS TIMESTAMPTZ)
      END
    )
  ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS "call_started_at",
  COALESCE("exploded"."agent_id", 'unknown') AS "agent_id",
  "exploded"."agent_name" AS "agent_name",
  "exploded"."agent_team" AS "agent_team",
  "exploded"."queue" AS "queue",
  "exploded"."direction" AS "direction",
  "exploded"."channel" AS "channel",
  "exploded"."language_code" AS "language_code",
  COALESCE("exploded"."template_id", 'unknown') AS "template_id",
  COALESCE("exploded"."template_version", 0) AS "template_version",
  "exploded"."criterion_id" AS "criterion_id",
  "exploded"."position" AS "position",
  "exploded"."question" AS "question",
  "exploded"."verdict" AS "verdict",
  CASE
    WHEN "exploded"."verdict" = 'pass'
    THEN TRUE
    WHEN "exploded"."verdict" = 'fail'
    THEN FALSE
  END AS "passed",
  CAST(CASE WHEN "exploded"."verdict" = 'pass' THEN 1 ELSE 0 END AS BIGINT) AS "is_passed",
  CAST(CASE WHEN "exploded"."verdict" = 'fail' THEN 1 ELSE 0 END AS BIGINT) AS "is_failed",
  CAST(CASE WHEN "exploded"."verdict" IN ('pass', 'fail') THEN 1 ELSE 0 END AS BIGINT) AS "is_evaluated",
  "exploded"."score" AS "score",
  "exploded"."weight" AS "weight",
  "exploded"."required" AS "required",
  "exploded"."reason" AS "reason",
  "exploded"."evaluator" AS "evaluator",
  "exploded"."reported_outcome" AS "reported_outcome"
FROM exploded
