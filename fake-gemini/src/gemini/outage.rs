//! Failures that are the same whatever was asked for.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::gemini::error::{ApiError, Per};
use crate::gemini::generate::Call;
use crate::scenario::{Plain, Scenario};

/// The delay of a quota that a day's patience would be needed for: it is there, and it misleads.
pub(crate) const RETRY_OF_A_DAY: Duration = Duration::from_secs(36);

/// What stands before the API says when it is not well itself.
pub(crate) const HTML_502: &str = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)</title>\n\
                                   <p><b>502.</b> The server could not complete the request. Try again in 30 \
                                   seconds.\n";

/// The failure that `scenario` is, if it is one.
pub(crate) fn outage(scenario: Scenario, call: Call) -> Option<Response> {
    let plain = match scenario {
        Scenario::QuotaPerMinute(retry) => {
            return Some(ApiError::quota(call.model, Per::Minute, retry).in_form(call.form));
        }
        Scenario::Plain(plain) => plain,
        Scenario::SlowTtft(_) | Scenario::Itl(_) | Scenario::Pace { .. } | Scenario::Disconnect(_) => return None,
    };
    let error = match plain {
        Plain::QuotaPerDay => ApiError::quota(call.model, Per::Day, RETRY_OF_A_DAY),
        Plain::QuotaBare => ApiError::quota_bare(),
        Plain::Internal => ApiError::internal(),
        Plain::Overloaded => ApiError::overloaded(),
        Plain::DeadlineExceeded => ApiError::deadline_exceeded(),
        Plain::BadKey => ApiError::key_invalid(),
        Plain::NoSuchModel => ApiError::model_not_found(call.model, call.method),
        Plain::ArrayError => return Some(call.form.labelled(ApiError::overloaded().in_array())),
        Plain::Html502 => return Some((StatusCode::BAD_GATEWAY, Html(HTML_502)).into_response()),
        _ => return None,
    };
    Some(error.in_form(call.form))
}
