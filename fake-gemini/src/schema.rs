//! The part of JSON Schema that the API knows: whether a schema is one, and whether an answer fits it.

use serde_json::{Map, Value};

/// References in a schema are followed this often on the way to a value, so that one that points at itself ends.
const REFERENCES_MAX: usize = 16;

const KINDS: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

/// Says what is wrong with a schema, if anything is. Keywords that are not known are left alone, as by the real API.
pub(crate) fn malformed(schema: &Value) -> Option<String> {
    let Value::Object(schema) = schema else { return Some("a schema must be an object.".to_owned()) };
    if let Some(kind) = schema.get("type") {
        let kinds = kinds(kind);
        if kinds.is_empty() || kinds.iter().any(|kind| !KINDS.contains(&kind.as_str())) {
            return Some(format!("`type` cannot be {kind}."));
        }
    }
    let names = |keyword: &str| schema.get(keyword).is_some_and(|value| !is_array_of_texts(value));
    if names("required") {
        return Some("`required` must be an array of names.".to_owned());
    }
    let undeclared =
        texts(schema.get("required")).find(|name| schema.get("properties").is_some_and(|p| p[*name].is_null()));
    if let Some(name) = undeclared {
        return Some(format!("`required` names {name:?}, which is not in `properties`."));
    }
    if schema.get("enum").is_some_and(|values| !values.is_array()) {
        return Some("`enum` must be an array.".to_owned());
    }
    below(schema).find_map(malformed)
}

/// Every schema directly inside of a schema.
pub(crate) fn below(schema: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let named = ["properties", "$defs"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_object());
    let listed = ["anyOf", "oneOf", "prefixItems"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array());
    named.flat_map(Map::values).chain(listed.flatten()).chain(schema.get("items"))
}

/// Says where and how `value` does not fit `schema`, if it does not. Places are JSON pointers.
pub(crate) fn misfit(schema: &Value, value: &Value) -> Option<String> {
    Fit { root: schema }.at(schema, value, "", 0)
}

struct Fit<'a> {
    root: &'a Value,
}

impl Fit<'_> {
    fn at(&self, schema: &Value, value: &Value, place: &str, references: usize) -> Option<String> {
        let no = |sentence: String| Some(format!("{place:?} {sentence}"));
        if let Some(reference) = schema["$ref"].as_str() {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return match target {
                Some(target) if references < REFERENCES_MAX => self.at(target, value, place, references + 1),
                _ => no(format!("refers to {reference}, which is not there")),
            };
        }
        let nullable = schema["nullable"].as_bool() == Some(true) && value.is_null();
        if let Some(kind) = schema.get("type")
            && !nullable
            && !kinds(kind).iter().any(|kind| is(kind, value))
        {
            return no(format!("is not {kind}"));
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            return no("is not one of the values".to_owned());
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[keyword].as_array()
                && !choices.iter().any(|choice| self.at(choice, value, place, references).is_none())
            {
                return no("fits none of the choices".to_owned());
            }
        }
        let within = |least: &str, most: &str, of: f64| {
            schema[least].as_f64().is_none_or(|least| of >= least)
                && schema[most].as_f64().is_none_or(|most| of <= most)
        };
        match value {
            Value::Number(number) if !within("minimum", "maximum", number.as_f64().unwrap_or_default()) => {
                no("is out of range".to_owned())
            }
            Value::Array(items) if !within("minItems", "maxItems", items.len() as f64) => {
                no("has too many or too few items".to_owned())
            }
            Value::Array(items) => {
                let first = schema["prefixItems"].as_array().map(Vec::as_slice).unwrap_or_default();
                items.iter().enumerate().find_map(|(at, item)| {
                    let schema = first.get(at).or_else(|| schema.get("items"))?;
                    self.at(schema, item, &format!("{place}/{at}"), references)
                })
            }
            Value::Object(given) => self.members(schema, given, place, references),
            _ => None,
        }
    }

    fn members(&self, schema: &Value, given: &Map<String, Value>, place: &str, references: usize) -> Option<String> {
        if let Some(missing) = texts(schema.get("required")).find(|name| !given.contains_key(*name)) {
            return Some(format!("{place:?} lacks {missing:?}"));
        }
        given.iter().find_map(|(name, value)| {
            let below = format!("{place}/{name}");
            match (schema["properties"].get(name), &schema["additionalProperties"]) {
                (Some(schema), _) => self.at(schema, value, &below, references),
                (None, Value::Bool(false)) => Some(format!("{below:?} is not in the schema")),
                (None, others @ Value::Object(_)) => self.at(others, value, &below, references),
                (None, _) => None,
            }
        })
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => value.is_null(),
    }
}

/// One kind or several, in small letters: the API's own schemas write them in capitals.
fn kinds(kind: &Value) -> Vec<String> {
    let several = kind.as_array().map_or(std::slice::from_ref(kind), Vec::as_slice);
    several.iter().map(|kind| kind.as_str().unwrap_or_default().to_ascii_lowercase()).collect()
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn is_array_of_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|values| values.iter().all(Value::is_string))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_that_is_none_is_told_apart() {
        assert_eq!(
            malformed(&json!({ "type": "OBJECT", "properties": { "a": { "type": ["string", "null"] } } })),
            None
        );
        let wrong = [
            json!("object"),
            json!({ "type": "text" }),
            json!({ "type": "object", "required": "a" }),
            json!({ "type": "object", "properties": {}, "required": ["a"] }),
            json!({ "type": "object", "properties": { "a": { "type": "array", "items": [] } } }),
        ];
        for schema in wrong {
            assert!(malformed(&schema).is_some(), "{schema}");
        }
    }

    #[test]
    fn a_value_fits_or_the_place_is_named() {
        let schema = json!({
            "type": "object",
            "properties": {
                "kind": { "enum": ["a", "b"] },
                "list": { "type": "array", "items": { "$ref": "#/$defs/share" }, "maxItems": 2 },
                "either": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            },
            "required": ["kind"],
            "additionalProperties": false,
            "$defs": { "share": { "type": "number", "minimum": 0, "maximum": 1 } },
        });
        assert_eq!(misfit(&schema, &json!({ "kind": "a", "list": [0, 0.5], "either": null })), None);
        let wrong = [
            (json!([]), "\"\" is not \"object\""),
            (json!({}), "\"\" lacks \"kind\""),
            (json!({ "kind": "c" }), "\"/kind\" is not one of the values"),
            (json!({ "kind": "a", "list": [0, 1, 1] }), "\"/list\" has too many or too few items"),
            (json!({ "kind": "a", "list": [0, 2] }), "\"/list/1\" is out of range"),
            (json!({ "kind": "a", "either": 1 }), "\"/either\" fits none of the choices"),
            (json!({ "kind": "a", "more": 1 }), "\"/more\" is not in the schema"),
        ];
        for (value, sentence) in wrong {
            assert_eq!(misfit(&schema, &value).as_deref(), Some(sentence), "{value}");
        }
    }

    #[test]
    fn a_reference_to_itself_ends() {
        let schema = json!({ "$ref": "#" });
        assert!(misfit(&schema, &json!(1)).is_some());
    }
}
